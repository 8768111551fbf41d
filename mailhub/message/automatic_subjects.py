"""Subjects that vacation programs and automatic answers begin with, in the languages of Exchange, Gmail,
Lotus and others.

Data only, lower case. A subject that begins with "Re:" is never one: people answer to automatic answers.
"""

from __future__ import annotations


def _table(text: str) -> tuple[str, ...]:
    return tuple(item for line in text.splitlines() for entry in line.split("|") if (item := entry.strip()))


# Out of office.
AWAY = _table("""
    out of office | out of the office | out-of-office | ooo: | ooo - | automatic reply: out of | auto: out of |
    auto reply: out of | away from my mail | away from the office | away from office | i am out of | i'm out of |
    on vacation | vacation reply | vacation: | vacation message | holiday reply | on holiday | annual leave |
    on leave: | on maternity leave | on parental leave | on sick leave | abwesenheitsnotiz | abwesenheit |
    abwesend | abwesenheitsmeldung | abwesenheitsbenachrichtigung | abwesenheitsassistent | außer haus |
    ausser haus | nicht im büro | nicht im haus | ich bin im urlaub | urlaubsbenachrichtigung | urlaubsmeldung |
    absence du bureau | absence: | absence : | absent du bureau | absente du bureau | message d'absence |
    notification d'absence | je suis absent | je suis absente | en congé | en vacances | fuera de la oficina |
    fuera de oficina | ausente de la oficina | estoy ausente | de vacaciones | ausencia: | aviso de ausencia |
    fora do escritório | fora do escritorio | ausência temporária | ausente do escritório | estou ausente |
    em férias | aviso de ausência | ausência: | fuori sede | fuori ufficio | assenza: | assente | in ferie |
    messaggio di assenza | sono fuori ufficio | afwezig | afwezigheid | niet aanwezig | buiten kantoor |
    op vakantie | afwezigheidsbericht | poza biurem | nieobecność | nieobecność w biurze | jestem nieobecn |
    na urlopie | urlop: | ikke til stede | ikke på kontoret | på ferie | fraværende | fravær | fraværsmeddelelse |
    ferie: | frånvaro | frånvarande | ej på kontoret | inte på kontoret | frånvaromeddelande | semester: | poissa |
    poissaolo | lomalla | en ole paikalla | нет на работе | нет на месте | вне офиса | отсутствую | в отпуске |
    уведомление об отсутствии | поза офісом | у відпустці | nepřítomnost | mimo kancelář | nejsem v kanceláři |
    na dovolené | mimo kancelárie | neprítomnosť | házon kívül | távollét | szabadságon | nem vagyok az irodában |
    concediu | în concediu | absent din birou | ofis dışında | ofis dışındayım | izindeyim | yıllık izin |
    εκτός γραφείου | απουσία | izvan ureda | izvan kancelarije | na godišnjem | odsoten | odsotnost |
    kontorist väljas | ārpus biroja | ne biure | 不在通知 | 不在 | 外出中 | 休暇 | 自動返信: 不在 | 外出 | 休假 |
    不在办公室 | 外出自动 | 부재 중 | 부재중 | 휴가 | מחוץ למשרד | خارج المكتب | di luar kantor | vắng mặt |
    ไม่อยู่ที่สำนักงาน
""")

# Automatic answers of any kind.
REPLIED = _table("""
    automatic reply | automated reply | auto reply | auto-reply | autoreply | auto response | auto-response |
    autoresponse | automatic response | automated response | auto respond | autoresponder | auto: | auto : |
    automatic answer | automatic message | automated message | this is an automated | thank you for your email |
    thank you for contacting | thank you for your message | we have received your | we received your |
    your message has been received | your request has been received | your email has been received |
    ticket received | request received: | acknowledgement of receipt | [auto-reply] | [auto reply] | [autoreply] |
    automatische antwort | automatische rückmeldung | automatische mitteilung | automatisch generierte |
    autoantwort | autom. antwort | eingangsbestätigung | empfangsbestätigung | réponse automatique |
    reponse automatique | réponse auto | accusé de réception | message automatique | respuesta automática |
    respuesta automatica | contestación automática | autorespuesta | mensaje automático | resposta automática |
    resposta automatica | resposta automàtica | mensagem automática | risposta automatica |
    risposta automatizzata | messaggio automatico | automatisch antwoord | automatische beantwoording |
    automatische reactie | ontvangstbevestiging | automatyczna odpowiedź | autoodpowiedź | odpowiedź automatyczna |
    automatisk svar | automatiskt svar | autosvar | automaattinen vastaus | automaattivastaus |
    автоматический ответ | автоответ | автовідповідь | автоматична відповідь | автоматичен отговор |
    automatická odpověď | automatická odpoveď | automatikus válasz | răspuns automat | raspuns automat |
    otomatik yanıt | otomatik cevap | αυτόματη απάντηση | automatski odgovor | samodejni odgovor | automaatvastus |
    automātiskā atbilde | automatinis atsakymas | balasan otomatis | trả lời tự động | tự động trả lời |
    ตอบกลับอัตโนมัติ | การตอบกลับอัตโนมัติ | 自動返信 | 自動応答 | 自动回复 | 自動回覆 | 自动答复 | 자동 회신 |
    자동 응답 | 자동회신 | 자동응답 | תשובה אוטומטית | رد تلقائي | الرد التلقائي | پاسخ خودکار
""")

# Told anywhere in the subject, as Lotus Notes and Gmail users have it.
AWAY_INSIDE = _table("""
    is out of the office | is out of office | will be out of the office | i am out of office |
    am out of the office | is on vacation | is away from the office | is on annual leave | ist außer haus |
    ist ausser haus | ist abwesend | ist nicht im büro | ist im urlaub | est absent | est absente | est en congé |
    está ausente | está fuera de la oficina | está de vacaciones | está fora do escritório | è assente |
    è fuori ufficio | is afwezig | is niet aanwezig | är inte på kontoret | är frånvarande | er ikke på kontoret |
    er ikke til stede | jest nieobecn | out of office auto | out-of-office auto
""")
