"""Words by which mail programs introduce a quote or end a message, in the languages people write. Data only.

Stands on: the interface texts of Gmail, Outlook (desktop, web, mobile), Apple Mail, Thunderbird, Yahoo, GMX,
Yandex, Mail.ru, Lotus Notes, BlackBerry, Samsung and common webmailers in their translations. Tables are
lists parted by bars; everything is lower case.
"""

from __future__ import annotations


def _table(text: str) -> tuple[str, ...]:
    return tuple(item for line in text.splitlines() for entry in line.split("|") if (item := entry.strip()))


# Verbs of attribution lines ("On ... X wrote:").
WROTE = _table("""
    wrote | writes | a écrit | ecrit | écrivait | schrieb | schreibt | geschrieben | escribió | escribio |
    escribiu | escreveu | ha escrito | va escriure | ha scritto | scrive | scriveva | schreef | geschreven |
    napisał | napisała | napisał(a) | pisze | skrev | skrifaði | kirjoitti | kirjutas | написал | написала |
    написав | написала(а) | пишет | писал | пише | написа | пользователь | napsal | napsala | napsal(a) | napísal |
    napísala | napísal(a) | je napisao | je napisala | je napisao/la | napisao | napisal | je pisal | írta |
    ezt írta | a scris | yazdı | şunu yazdı | şunları yazdı | έγραψε | έγραψαν | rakstīja | parašė | rašė |
    menulis | đã viết | viết | เขียน | เขียนว่า | 写道 | 寫道 | 写到 | のメール | 書きました |
    書き込みました | 작성 | 님이 작성 | 님이 쓴 글 | כתב | כתבה | كتب | كتبت | نوشت | نوشته است | ने लिखा |
    skribis | shkroi | idatzi zuen | a scrì | napisały
""")

# First words of an attribution line; without one it must begin with a weekday, a digit, a quotation mark or
# an address.
OPENERS = frozenset(
    _table("""
    a | a(z) | a- | am | at | az | citando | citat | citerar | dana | data | datum | den | der | die | dne | dnia |
    dňa | el | em | en | from | il | in | kuupäeval | la | le | on | ons | op | pe | på | quoting | um | vom | w |
    wrote | zitat | zitiere | în | 于 | 在
""")
)

WEEKDAYS = frozenset(
    _table("""
    cmt | cs | cum | czw | czwartek | di | dienstag | dim | dimanche | dinsdag | do | dom | domenica | domingo |
    donderdag | donnerstag | fr | fre | fredag | freitag | fri | friday | gio | gior | giovedì | h | hét | jeu |
    jeudi | jue | jueves | k | ke | la | lun | lundi | lunedì | lunes | lör | lördag | lør | lørdag | ma |
    maandag | man | mandag | mar | mardi | mart | martedì | martes | mer | mercoledì | mercredi | mi | mittwoch |
    mié | miércoles | mo | mon | monday | montag | mån | måndag | nd | ne | neděle | niedz | niedziela | ons |
    onsdag | p | paz | pe | per | piątek | po | pon | pondělí | poniedziałek | pt | pzt | pá | pátek | qua |
    quarta | qui | quinta | sa | sabato | sal | sam | samedi | samstag | sat | saturday | seg | segunda | sex |
    sexta | so | sob | sobota | sonntag | st | středa | su | sun | sunday | sze | szo | sáb | sábado | sön |
    söndag | søn | søndag | ter | terça | thu | thursday | ti | tir | tirsdag | tis | tisdag | to | tor | torsdag |
    tue | tuesday | v | ven | vendredi | venerdì | vie | viernes | vrijdag | wed | wednesday | wo | woensdag | wt |
    wtorek | za | zaterdag | zo | zondag | çar | út | úterý | čt | čtvrtek | śr | środa | δευ | κυρ | πέμ | παρ |
    σάβ | τετ | τρί | воскресенье | вс | вт | вторник | вівторок | нд | неділя | пʼятниця | пн | понедельник |
    понеділок | пт | пятница | сб | середа | ср | среда | суббота | субота | четвер | четверг | чт
""")
)

# Names of the fields of a quoted header block, without the colon.
_ROLES = {
    "from": """
        from | von | de | da | van | od | fra | från | lähettäjä | от | от кого | від | від кого | από | kimden |
        gönderen | feladó | de la | expéditeur | remitente | mittente | remetente | afzender | nadawca |
        avsändare | afsender | avsender | отправитель | frá | saatja | kellelt | nuo | no | dari | từ | จาก |
        发件人 | 發件人 | 寄件者 | 寄件人 | 差出人 | 送信者 | 送信元 | 보낸 사람 | 보낸사람 | 발신 | מאת | من |
        از | šalje | posílá | odesílatel | odosielateľ | pošiljatelj | expeditor | absender | प्रेषक | nga | nork |
        подател | 发信人 | 發信人 | 보낸이 | người gửi | ผู้ส่ง | pengirim
    """,
    "date": """
        sent | date | sent on | sent at | gesendet | gesendet am | datum | envoyé | envoyé le | enviado |
        enviado el | enviada em | enviado em | enviada | fecha | inviato | inviata | data | verzonden | wysłano |
        wysłane | data wysłania | sendt | dato | skickat | lähetetty | päivämäärä | päiväys | pvm | отправлено |
        дата | дата отправки | надіслано | відправлено | στάλθηκε | ημερομηνία | gönderildi | gönderme tarihi |
        gönderilme tarihi | tarih | elküldve | küldve | dátum | odesláno | odoslané | poslano | trimis |
        trimis la | sendt den | saadetud | kuupäev | išsiųsta | nosūtīts | dikirim | tanggal | đã gửi | ngày |
        ส่ง | วันที่ | 发送时间 | 发送日期 | 发送 | 日期 | 时间 | 發送時間 | 寄件日期 | 傳送時間 | 送信日時 |
        日付 | 送信 | 보낸 날짜 | 보낸 시간 | 날짜 | 발송일 | נשלח | תאריך | تم الإرسال | تاريخ الإرسال | تاريخ |
        التاريخ | تاريخ ارسال | quando | изпратено | 日時 | 時間 | 送出時間 | 보낸날짜 | 받은 날짜 | 일시 |
        inviato il | inviata il | data invio | data e ora | data de envio | enviado às | ngày gửi | thời gian |
        dikirim pada | วันที่ส่ง
    """,
    "to": """
        to | an | à | a | para | per | aan | do | til | till | vastaanottaja | кому | до | προς | kime | alıcı |
        címzett | komu | către | catre | za | prima | saaja | kam | kepada | đến | tới | ถึง | 收件人 | 收件者 |
        宛先 | 받는 사람 | 받는사람 | 수신 | אל | إلى | به | destinataire | destinatario | destinatário |
        empfänger | ontvanger | mottaker | modtager | mottagare | получатель | gavėjas | primatelj | prejemnik |
        pour | geadresseerde | kellele | 收信人 | 받는이 | người nhận | ผู้รับ | penerima
    """,
    "subject": """
        subject | betreff | objet | asunto | oggetto | assunto | onderwerp | temat | emne | ämne | aihe | тема |
        θέμα | konu | tárgy | předmět | predmet | zadeva | subiect | teema | tema | subjek | perihal | subyek |
        chủ đề | tiêu đề | เรื่อง | หัวเรื่อง | 主题 | 主旨 | 主題 | 标题 | 件名 | 제목 | נושא | الموضوع | موضوع |
        efni | assumpte | subjecte | gaia | относно | re | sujet
    """,
    "cc": """
        cc | kopie | kopia | kopi | copie | copia | cópia | c.c. | kopio | копия | копія | κοιν | κοιν. | bilgi |
        másolatot kap | másolat | v kópii | kopija | 抄送 | 副本 | 참조 | עותק | נسخة | نسخة | dw | reply-to |
        antwort an | importance | priority | wichtigkeit | attachments | anlagen | pièces jointes | bcc | ccn |
        cci | cco | organization | organisation | newsgroups | responder a
    """,
}
ROLE_OF: dict[str, str] = {name: role for role, names in _ROLES.items() for name in _table(names)}

# "-----Original Message-----" and "---------- Forwarded message ---------".
SEPARATORS = frozenset(
    _table("""
    anfang der weitergeleiteten nachricht | début du message réexpédié | début du message transféré |
    inizio messaggio inoltrato | inicio del mensaje reenviado | begin doorgestuurd bericht | vidarebefordrat brev |
    início da mensagem encaminhada | início da mensagem reencaminhada | start på videresendt besked |
    start på videresendt melding | välitetty viesti alkaa | начало переадресованного сообщения |
    początek przekazywanej wiadomości | začátek přeposílané zprávy | 下面是被转发的邮件 |
    以下は転送メッセージです | yönlendirilmiş ileti başlangıcı | 전달된 메시지 시작 | begin forwarded text |
    forwarded text | forwarded mail | start of forwarded message | reply separator | original message text |
    algne kiri | alkuperäinen viesti | begin forwarded message | correo original | courriel original |
    doorgestuurd bericht | doorgestuurde bericht | e-mail d'origine | edastatud kiri | eredeti üzenet |
    forwarded by | forwarded message | iletilen mesaj | izvirno sporočilo | izvorna poruka | jatorrizko mezua |
    mail original | mensagem encaminhada | mensagem original | mensagem reencaminhada | mensaje original |
    mensaje reenviado | mesaj original | mesaj redirecționat | mesajul original | message d'origine |
    message d’origine | message initial | message original | message transféré | message transmis |
    messaggio inoltrato | messaggio originale | messaggio originario | missatge original | missatge reenviat |
    oorspronkelijk bericht | oorspronkelijke bericht | opprinnelig e-post | opprinnelig melding |
    oprindelig besked | oprindelig meddelelse | originaalkiri | original appointment | original email |
    original mail | original meddelelse | original message | original-nachricht | originale nachricht |
    originalmeddelande | originalna poruka | originalnachricht | origineel bericht | originele bericht |
    orijinal ileti |
    orijinal mesaj | oryginalna wiadomość | persiųstas laiškas | pesan asli | pesan terusan |
    posredovano sporočilo | pradinis laiškas | preposlaná správa | prosleđena poruka | proslijeđena poruka |
    przekazana wiadomość | pôvodná správa | pārsūtīts ziņojums | přeposlaná zpráva | původní e-mail |
    původní zpráva | replied message | reply message | sākotnējais ziņojums | thư gốc | thư đã chuyển tiếp |
    tin nhắn gốc | továbbított üzenet | upprunaleg skilaboð | urspr. nachricht | ursprungligt meddelande |
    ursprüngliche e-mail | ursprüngliche mail | ursprüngliche nachricht | ursprünglicher termin |
    vidarebefordrat meddelande | vidarebefordrat mejl | videresendt besked | videresendt meddelelse |
    videresendt melding | välitetty viesti | weitergeleitete message | weitergeleitete nachricht |
    wiadomosc oryginalna | wiadomość oryginalna | wiadomość przekazana | yönlendirilmiş ileti | özgün ileti |
    αρχικό μήνυμα | προωθημένο μήνυμα | вихідне повідомлення | исходное письмо | исходное сообщение |
    оригинално съобщение | оригинальное сообщение | переслане повідомлення | пересланное сообщение |
    пересылаемое письмо | пересылаемое сообщение | початкове повідомлення | препратено съобщение | ההודעה המקורית |
    הודעה מקורית | הודעה שהועברה | الرسالة الأصلية | رسالة أصلية | رسالة محولة | پیام اصلی | पूर्व संदेश |
    मूल संदेश | ข้อความต้นฉบับ | ข้อความที่ส่งต่อ | ข้อความเดิม | オリジナルメッセージ | 元のメッセージ |
    元のメール | 原始邮件 | 原始郵件 | 原邮件 | 回复的原邮件 | 回复的邮件 | 転送されたメッセージ | 転送メッセージ |
    轉寄的郵件 | 轉寄郵件 | 转发的邮件 | 转发邮件 | 邮件原件 | 원본 메시지 | 원본 메일 | 원본 이메일 |
    전달된 메시지 | 전달된 메일
""")
)

# Those of them that stand above a mail that is sent on.
FORWARDS = frozenset(
    each
    for each in SEPARATORS
    if any(
        root in each
        for root in _table("""
            weitergeleitet | forward | réexpédié | transféré | transmis | inoltrat | reenviad | doorgestuurd |
            vidarebefordra | encaminhad | reencaminhad | videresend | välitetty | переадрес | przekazan |
            přepos | 转发 | 転送 | 轉寄 | yönlendiril | iletilen | 전달 | edastatud | redirecționat | reenviat |
            persiųst | terusan | posredovan | prosleđen | proslijeđen | preposlan | pārsūtīt | chuyển tiếp |
            továbbít | προωθημ | пересл | пересыл | препратен | הועבר | محولة | ส่งต่อ
        """)
    )
)

# How the subject of an answer begins.
ANSWER_SUBJECTS = tuple(
    prefix + colon
    for prefix in _table("""
        re | aw | sv | antw | antwort | vs | ref | res | r | odp | ynt | vá | atb | rif | ris | hth | bls | απ | σχετ |
        отв | ответ | відп | вiдп | відповідь | на | 回复 | 回覆 | 答复 | 返信 | 답장 | 회신 | رد | پاسخ | תגובה | השב |
        ตอบ | ตอบกลับ | trả lời | balas
    """)
    for colon in (":", " :", "：")
)

# How the subject of a mail that is sent on begins. "vs:" is left out: an answer in Finland.
FORWARD_SUBJECTS = tuple(
    prefix + colon
    for prefix in _table("""
        fw | fwd | wg | tr | rv | enc | i | doorst | vb | vl | pd | fs | továbbítás | tov | ilt | iletildi | redir |
        转发 | 轉寄 | 轉發 | 転送 | 전달 | هدایت | إعادة توجيه | пересл | прп | прд | πρθ | הועבר | ส่งต่อ |
        chuyển tiếp | trs | předáno | preposlané
    """)
    for colon in (":", " :", "：")
)

# Beginnings of what a phone or an app signs with.
MOBILE = _table("""
    sent from my | sent from mail for windows | sent from outlook | sent from yahoo | sent from the all new aol |
    sent from typeapp | sent from gmail | sent from samsung | sent from a mobile | sent from mobile |
    sent from proton | sent from spark | sent from boxer | sent from blue | sent from nine | sent from airmail |
    sent from mailspring | sent from workspace | sent from iphone | sent from ipad | sent from android |
    sent with proton | sent with spark | sent via | sent with airmail | sent by my | sent using | sent through my |
    get outlook for | get the outlook app | get blueMail for | get bluemail for | download the outlook |
    sent on the go | sent on my | from my iphone | from my android | from my ipad | von meinem | von meiner |
    gesendet von | gesendet mit | gesendet aus | diese nachricht wurde von meinem | outlook für android |
    outlook für ios | holen sie sich outlook | envoyé de mon | envoyé depuis | envoyé à partir de | envoyé par |
    télécharger outlook | obtenez outlook | obtenir outlook | provenance : courrier | envoyé via | enviado desde |
    enviado con | enviat des de | obtener outlook | enviado do meu | enviado de meu | enviado a partir |
    enviado pelo | enviado por | enviado do | obter o outlook | obtenha o outlook | inviato da | inviato dal |
    inviato con | ottieni outlook | scarica outlook | verstuurd vanaf | verzonden vanaf | verzonden via |
    verstuurd via | verzonden met | verstuurd met | outlook voor | downloaden outlook | wysłane z | wysłano z |
    wyślij z | pobierz program outlook | pobierz aplikację outlook | sendt fra | sendt via | sendt med |
    hent outlook | skaff deg outlook | få outlook | skickat från | skickat med | hämta outlook | skaffa outlook |
    lähetetty | hanki outlook | отправлено с | отправлено из | послано с | скачать outlook | получить outlook |
    надіслано з | надіслано із | відправлено з | изпратено от | odesláno z | odesláno ze | získat outlook |
    odoslané z | odoslané zo | stiahnuť outlook | poslano s | poslano z | poslano iz | poslano sa |
    iphone készülékemről | elküldve a | küldve | trimis de pe | trimis din | trimis de la | iphone'umdan |
    ipad'imden | iphone’umdan | androıd | android için | στάλθηκε από | εστάλη από | saadetud minu | nosūtīts no |
    išsiųsta iš | dikirim dari | được gửi từ | đã gửi từ | gửi từ | ส่งจาก | 从我的 | 發自我的 | 发自我的 |
    發送自 | 发送自 | 发自 | 來自我的 | 来自我的 | 从 | 从windows | iphoneから送信 | ipadから送信 | 私のiphone |
    androidから | 나의 iphone에서 | 내 iphone에서 | 나의 ipad에서 | iphone에서 보냄 | 삼성 갤럭시 | נשלח מה |
    נשלח מ | أرسلت من | أُرسلت من | مرسل من | تم الإرسال من | ارسال شده از | mobil gesendet | unterwegs gesendet
""")
MOBILE_STARTS = frozenset(phrase[:3] for phrase in MOBILE)

# How people end a letter. What follows is a name, so such lines below a quote are no answer to it.
SIGN_OFFS = _table("""
    regards | best regards | kind regards | warm regards | best wishes | best, | cheers | thanks, | thank you, |
    many thanks | thanks | sincerely | yours | br, | all the best | mfg | mit freundlichen | freundliche grüße |
    viele grüße | liebe grüße | beste grüße | schöne grüße | gruß | grüße | lg | vg | danke | cordialement |
    bien cordialement | sincères salutations | salutations | bien à vous | merci | saludos | un saludo |
    atentamente | cordialmente | gracias | atenciosamente | cumprimentos | abraços | obrigado | obrigada |
    cordiali saluti | distinti saluti | saluti | grazie | met vriendelijke groet | vriendelijke groet | groet |
    groeten | bedankt | pozdrawiam | z poważaniem | dziękuję | mvh | med vänlig hälsning | vänliga hälsningar |
    hälsningar | hälsn | venlig hilsen | med venlig hilsen | hilsen | vennlig hilsen | med vennlig hilsen |
    terveisin | ystävällisin terveisin | с уважением | с наилучшими | спасибо | з повагою | дякую | s pozdravem |
    děkuji | s pozdravom | üdvözlettel | köszönettel | cu stimă | cu respect | saygılarımla | iyi çalışmalar |
    με εκτίμηση | lijep pozdrav | lep pozdrav | よろしくお願い | 谢谢 | 此致 | 祝好 | 감사합니다
""")

# Names that make a longer line one of them ("Sent from my iPhone, please excuse typos").
DEVICES = _table("""
    iphone | ipad | ipod | android | blackberry | galaxy | samsung | huawei | xiaomi | redmi | pixel | oneplus |
    motorola | nokia | xperia | windows phone | outlook | smartphone | mobile phone | handy | tablet | t-mobile |
    verizon | vodafone | yahoo mail | gmail | proton | typeapp | bluemail
""")

# What help desks, ours included, put above their notification.
REPLY_MARKERS = _table("""
    reply above this line | type your reply above | please reply above | write above this line |
    reply above the line | above this line to reply | antworten sie oberhalb dieser | oberhalb dieser linie |
    über dieser linie | au-dessus de cette ligne | por encima de esta línea | acima desta linha |
    sopra questa riga | boven deze lijn | boven deze regel | ovanför den här raden | over denne linje |
    powyżej tej linii | выше этой линии | выше этой строки | この行より上 | 请在此行上方
""")

# Words that show that what stands under a ruled line is a footer of a list, a virus scanner or a provider.
FOOTERS = _table("""
    mailing list | unsubscribe | /listinfo | mailman | @lists. | -request@ | googlegroups | groups.io |
    virus-free | avast | avg.com | checked for viruses | virenfrei | auf viren | abmelden | désinscrire |
    desinscribir | antivirus | liste de diffusion | list- | lists. | yahoo! groups | do you yahoo | hotmail |
    listserv | sourceforge | avira | google groups
""")
