"""Names of months in the 35 languages most used in mail. Data only, lower case, without a final dot.

Made from the Unicode CLDR as Babel 2.19 carries it (Unicode License V3): wide and abbreviated, alone and in a
date. A name that is one month here and another there (Polish and Croatian lip, lis, listopad; srp) is none:
better no date than a wrong one. Tables are lists parted by bars.
"""

from __future__ import annotations

_NAMES = (
    """
    ene | enero | gen | gener | gennaio | ian | ianuarie | jaan | jaanuar | jan | janeiro | januar |
    januari | january | január | januára | janv | janvier | janvāris | led | leden | ledna | oca | ocak
    | saus | sausio | sausis | sij | siječanj | siječnja | sty | styczeń | stycznia | tammi | tammikuu |
    tammikuuta | ιαν | ιανουάριος | ιανουαρίου | січ | січень | січня | янв | январь | января | яну |
    януари | јан | јануар | ינואר | ינו׳ | يناير | ژانویه | जनवरी | जन॰ | জানু | জানুয়ারি | ม.ค |
    มกราคม | 一月
    """,
    """
    feb | febbraio | febr | febrer | febrero | februar | februari | februarie | february | február |
    februára | februāris | fev | fevereiro | févr | février | helmi | helmikuu | helmikuuta | lut |
    lutego | luty | vas | vasario | vasaris | veebr | veebruar | velj | veljača | veljače | úno | únor |
    února | şub | şubat | φεβ | φεβρουάριος | φεβρουαρίου | лют | лютий | лютого | феб | фебруар | фев |
    февр | февраль | февраля | февруари | פברואר | פבר׳ | فبراير | فوریه | फ़रवरी | फ़र॰ | ফেব |
    ফেব্রুয়ারি | ก.พ | กุมภาพันธ์ | 二月
    """,
    """
    bře | březen | března | kov | kovas | kovo | maalis | maaliskuu | maaliskuuta | maart | mac | mar |
    marca | march | marec | maret | mars | mart | martie | marts | marzec | marzo | març | março | mrt |
    márc | március | mär | märts | märz | ožu | ožujak | ožujka | μάρ | μάρτιος | μαρ | μαρτίου | бер |
    березень | березня | мар | март | марта | מרץ | مارس | मार्च | মার্চ | มี.ค | มีนาคม | 三月
    """,
    """
    abr | abril | apr | april | aprile | aprilie | aprill | apríl | apríla | aprīlis | avr | avril | bal
    | balandis | balandžio | dub | duben | dubna | huhti | huhtikuu | huhtikuuta | kwi | kwiecień |
    kwietnia | nis | nisan | tra | travanj | travnja | ápr | április | απρ | απρίλιος | απριλίου | апр |
    апрель | апреля | април | квіт | квітень | квітня | אפריל | אפר׳ | آوریل | أبريل | अप्रैल | এপ্রি |
    এপ্রিল | เม.ย | เมษายน | 四月
    """,
    """
    geg | gegužė | gegužės | kvě | květen | května | mag | maggio | mai | maig | maijs | maio | maj |
    maja | may | mayo | mayıs | mei | máj | mája | május | svi | svibanj | svibnja | touko | toukokuu |
    toukokuuta | μάι | μάιος | μαΐ | μαΐου | май | мая | мај | трав | травень | травня | מאי | مايو | مه
    | मई | মে | พ.ค | พฤษภาคม | 五月
    """,
    """
    birž | birželio | birželis | cze | czerwca | czerwiec | giu | giugno | haz | haziran | iun | iunie |
    juin | jun | june | junho | juni | junij | junio | juny | juuni | jún | júna | június | jūn | jūnijs
    | kesä | kesäkuu | kesäkuuta | lipanj | lipnja | červen | června | čvn | ιουν | ιουνίου | ιούν |
    ιούνιος | июн | июнь | июня | черв | червень | червня | юни | јун | יוני | يونيو | ژوئن | जून | জুন
    | มิ.ย | มิถุนายน | 六月
    """,
    """
    heinä | heinäkuu | heinäkuuta | iul | iulie | juil | juillet | jul | julai | julho | juli | julij |
    julio | juliol | july | juuli | júl | júla | július | jūl | jūlijs | liep | liepa | liepos | lipca |
    lipiec | lug | luglio | srpanj | srpnja | tem | temmuz | července | červenec | čvc | ιουλ | ιουλίου
    | ιούλ | ιούλιος | июл | июль | июля | лип | липень | липня | юли | јул | יולי | يوليو | ژوئیه |
    जुलाई | जुल॰ | জুল | জুলাই | ก.ค | กรกฎาคม | 七月
    """,
    """
    ag | ago | agost | agosto | agu | agustus | août | aug | august | augusta | augusti | augusts |
    augustus | augusztus | avg | avgust | ağu | ağustos | elo | elokuu | elokuuta | kol | kolovoz |
    kolovoza | ogo | ogos | rugp | rugpjūtis | rugpjūčio | sie | sierpień | sierpnia | srpen | srpna |
    αυγ | αυγούστου | αύγ | αύγουστος | авг | август | августа | серп | серпень | серпня | אוגוסט | אוג׳
    | أغسطس | اوت | अगस्त | अग॰ | আগ | আগস্ট | ส.ค | สิงหาคม | 八月
    """,
    """
    eyl | eylül | rugs | rugsėjis | rugsėjo | ruj | rujan | rujna | sep | sept | september | septembra |
    septembre | septembrie | septembris | septiembre | set | setembre | setembro | settembre | syys |
    syyskuu | syyskuuta | szept | szeptember | wrz | wrzesień | września | zář | září | σεπ |
    σεπτέμβριος | σεπτεμβρίου | вер | вересень | вересня | сент | сентябрь | сентября | сеп | септембар
    | септември | ספטמבר | ספט׳ | سبتمبر | سپتامبر | सितंबर | सित॰ | সেপ | সেপ্ট | সেপ্টেম্বর | ก.ย |
    กันยายน | 九月
    """,
    """
    eki | ekim | loka | lokakuu | lokakuuta | oct | october | octobre | octombrie | octubre | okt |
    oktober | oktobris | oktoober | október | októbra | ott | ottobre | out | outubro | paź |
    październik | października | spal | spalio | spalis | říj | říjen | října | οκτ | οκτωβρίου |
    οκτώβριος | жовт | жовтень | жовтня | окт | октобар | октомври | октябрь | октября | אוקטובר | אוק׳
    | أكتوبر | اکتبر | अक्टूबर | अक्टू॰ | অক্টো | অক্টোবর | ต.ค | ตุลาคม | 十月
    """,
    """
    kas | kasım | lapkr | lapkritis | lapkričio | listopadu | marras | marraskuu | marraskuuta |
    noiembrie | nov | november | novembra | novembre | novembris | novembro | noviembre | stu | studeni
    | studenoga | νοέ | νοέμβριος | νοε | νοεμβρίου | лист | листопад | листопада | нов | новембар | ное
    | ноември | нояб | ноябрь | ноября | נובמבר | נוב׳ | نوامبر | نوفمبر | नवंबर | नव॰ | নভে | নভেম্বর |
    พ.ย | พฤศจิกายน | 十一月
    """,
    """
    ara | aralık | dec | december | decembra | decembrie | decembris | des | desember | desembre | dets
    | detsember | dez | dezember | dezembro | dic | dicembre | diciembre | dis | disember | déc |
    décembre | gru | grudnia | grudzień | gruod | gruodis | gruodžio | joulu | joulukuu | joulukuuta |
    pro | prosinac | prosinca | prosince | prosinec | δεκ | δεκέμβριος | δεκεμβρίου | груд | грудень |
    грудня | дек | декабрь | декабря | декември | дец | децембар | דצמבר | דצמ׳ | دسامبر | ديسمبر |
    दिसंबर | दिस॰ | ডিসে | ডিসেম্বর | ธ.ค | ธันวาคม | 十二月
    """,
)

MONTHS: dict[str, int] = {
    name.strip(): number
    for number, names in enumerate(_NAMES, 1)
    for name in names.split("|")
    if name.strip()
}
