"""What mail servers say when they cannot deliver. Tables only: subjects, phrases by cause, marks of the
returned message.

Stands on: RFC 3463 and RFC 5321 reply texts, and the texts of qmail, Exim, sendmail, Postfix, Exchange,
Microsoft 365, Domino and Notes, Groupwise, Gmail, Yahoo, AOL, GMX, Mail.ru, Yandex, Zoho, iCloud, Amazon SES,
OpenSMTPD, DragonFly, Courier, IMail, MDaemon, Barracuda, McAfee, Sun Messaging Server, X.400 gateways and
Japanese carriers, in the languages they answer in. Lower case.
"""

from __future__ import annotations


def _table(text: str) -> tuple[str, ...]:
    return tuple(item for line in text.splitlines() for entry in line.split("|") if (item := entry.strip()))


# Subjects only a mail server writes: enough by themselves, at the beginning of the subject.
SUBJECTS = _table("""
    delivery status notification | undelivered mail returned to sender | mail delivery failed |
    mail delivery failure | mail delivery system | mail delivery status | mail delivery problem |
    mail delivery delayed | mail delivery error | message delivery failure | message delivery has failed |
    delivery failure notification | delivery notification: delivery has | returned mail: | returned mail from |
    returned to sender: | mail system error - returned mail | mail system error | warning: could not send message |
    warning: message delayed | warning: message still undelivered | message delayed | mail could not be delivered |
    undeliverable mail | undeliverable message | undeliverable: | undelivered mail | undelivered message |
    delivery failure: | delivery failure | delivery has failed | delivery problem | delivery report |
    failed delivery | failed mail | failure notice | failure delivery | failure notice: | could not deliver |
    could not send message | mail failure | email delivery failure | message status - undeliverable |
    message undeliverable | nondeliverable mail | non-delivery report | non delivery report | non-delivery |
    there was an error sending your mail | error sending your mail | mail returned | mail undeliverable |
    unable to deliver | unzustellbar: | unzustellbare | nicht zustellbar | zustellung fehlgeschlagen |
    fehler bei der zustellung | zustellungsfehler | non remis : | non remis: | échec de la remise |
    échec de remise | message non distribué | courrier non distribué | non distribuable : | no se puede entregar |
    no entregable: | no se pudo entregar | error de entrega | correo no entregado | mensaje no entregado |
    não é possível entregar | não entregue: | falha na entrega | mensagem não entregue |
    não foi possível entregar | non recapitabile: | impossibile recapitare | mancato recapito |
    messaggio non recapitato | notifica di mancato recapito | onbestelbaar: | kan niet worden bezorgd |
    niet te bezorgen | onbestelbare | niet afgeleverd | nie można dostarczyć | niedostarczona | niedostarczalne: |
    zwrot wiadomości | błąd dostarczania | kan ikke leveres: | ikke leveret | kan inte levereras: |
    kunde inte levereras | ei voitu toimittaa | kunne ikke leveres | недоставленное сообщение |
    ваше сообщение не доставлено | не удается доставить | недоставлено: | ошибка доставки |
    сообщение не доставлено | не вдалося доставити | nedoručitelná zpráva | nedoručitelné: | nedoručiteľné: |
    kézbesíthetetlen: | teslim edilemedi: | iletilemedi: | δεν ήταν δυνατή η παράδοση | imposibil de livrat |
    配信不能 | 配信できませんでした | 送信できませんでした | メール配信エラー | エラーメール | 未送信メール |
    无法送达 | 无法投递 | 未送达 | 系统退信 | 退信 | 投递失败 | 邮件被退回 | 無法傳遞 | 無法投遞 | 系統退信 |
    배달되지 않음 | 배달 못함 | 반송 | 전송 실패 | לא ניתן למסירה | تعذر تسليم
""")

# What a mail server's text says somewhere near its beginning: asked where sender and subject alone do not
# decide.
EVIDENCE = _table("""
    could not be delivered | couldn't be delivered | was not delivered | not be delivered | unable to deliver |
    wasn't able to deliver | delivery failed | delivery has failed | delivery failure | failed permanently |
    undeliverable | undelivered | permanent error | permanent failure | did not reach the following |
    failed delivery | address(es) failed | has been delayed | delivery to the following | fatal errors |
    transcript of session | returned to sender | delivery status notification | delivery errors | failure reasons |
    delivery retry | diagnostic-code: | final-recipient: | invalid final delivery userid | unknown user |
    user unknown | mailbox full | no such user | delivery was refused | rejected by | message expired |
    trouble delivering | nicht zugestellt | unzustellbar | konnte nicht | n'a pas pu être | non remis | échec |
    no se pudo entregar | não pôde ser entregue | impossibile recapitare | niet worden bezorgd | nie mogła zostać |
    не может быть доставлено | не удалось доставить | не доставлено | 配信できません | 送信できません | 送信失敗 |
    無法送達 | 无法送达 | 无法投递 | 退信 | 전달할 수 없 | returned message | unsent message | orig message |
    original message | did not receive | not yet been delivered | not been delivered | delivery problems |
    been postponed | could not be reached | failed recipient | could not be sent | failed to send |
    recipients were affected | no valid recipients | cannot be delivered | non-delivered | could not send |
    was automatically rejected | mail was rejected | message was rejected | failed with: | remote server returned |
    recapito non è riuscito | la remise à | die zustellung an | no se ha podido entregar | falha na entrega |
    fallo en la entrega | bezorging is mislukt | kunde inte levereras | kunne ikke leveres | toimitus epäonnistui
""")

# How the line begins, dashes aside, below which the returned message stands in a plain text bounce.
RETURNED = _table("""
    original message follows | original message headers | original mail info | original message is |
    message headers follow | message header follows | message text follows | below this line is a copy |
    below is a copy of the | below is the original | below is your original | this is a copy of |
    a copy of the original message | a copy of your message | enclosed is a copy | included is a copy |
    attached is a copy | the header of the original | header of the original | headers of the original |
    headers from the original | the headers of the original | mail header follows | header follows |
    full headers follow | unsent message follows | unsent message below | unsent message | returned message |
    returned mail follows | undelivered message follows | text of original message | the text of the original |
    your original message | original-nachricht | ursprüngliche nachricht | es folgt der kopf der |
    message d'origine | mensaje original | messaggio originale | here is a copy | here is your original |
    start of returned message | forwarded message follows | the first part of | first part of the |
    the following is a copy | copy of the message | copy of original message | rejected message follows |
    message contents follow | message follows | old message | here is your returned mail | returned mail |
    original message attached | original message details | your message reads | message reads | the header and |
    original header | message is attached | the original message is | contents of the original | partial copy of
""")

# Causes. The first table with a hit decides; the permanent ones say that the address itself is dead.
FULL = _table("""
    mailbox full | mailbox is full | mailbox for user is full | mailfolder is full | over quota | overquota |
    quota exceeded | exceeded quota | exceeds quota | quotaexceeded | storage quota | exceeded storage |
    exceeded its quota | out of storage | insufficient system storage | not enough storage | mailbox has exceeded |
    mailbox exceeded | inbox is full | disk quota | over the allowed quota | maildir over quota |
    out of disk space | account is full | is full: retry | boîte pleine | boite pleine | boîte aux lettres pleine |
    postfach voll | postfach ist voll | speicherplatz | kontingent | buzón lleno | casilla llena | casella piena |
    caixa de entrada cheia | caixa cheia | mailbox vol | skrzynka pełna | переполнен | ящик заполнен |
    メールボックスがいっぱい | 容量オーバー | 邮箱已满 | 信箱已滿 | mailbox_full | mbox full | mail box full |
    user is over | over its storage | mailboxfull | full mailbox | exceeded the local limit |
    messages in recipient's mailbox exceeded | mailbox limit | mailbox quota
""")
MESSAGE = _table("""
    message too large | message too big | message is too large | message size exceeds | size exceeds |
    exceeds the maximum | exceeds maximum | message length exceeds | too big for system | too large |
    file too big | recipsizelimit | max message size | maximum message size | media error | improper use of 8-bit |
    multiple addresses in from | virus detected | virus found | infected | content rejected |
    content is not accepted | header error | duplicate header | not rfc 5322 compliant | not rfc 2822 compliant |
    conversion | message filtered | nachricht zu groß | taille maximale
""")
POLICY = _table("""
    spam | spf | dkim | dmarc | unauthenticated | not pass authentication | not have authentication information |
    blacklist | black list | blocklist | block list | blocked | denylist | dnsbl | spamhaus | barracuda |
    reputation | policy | protocol violation | access denied | denied by | not allowed | not permitted |
    not authorized | unauthorized | authentication required | rate limit | rate limited | frequency limited |
    too many | daily relay quota | sent to too many | throttl | try again later | please try later |
    temporarily deferred | greylist | grey list | graylist | relay access denied | relaying denied | no relaying |
    relay not permitted | unable to relay | insecure mail relay | reverse dns | ptr record | dns ptr |
    ip name lookup failed | bad helo | sender rejected | sender address rejected | sender domain |
    domain of sender address | purported responsible address | unsolicited | bulk mail | client host rejected |
    service refused | refused to accept your message | email account that you tried to reach is disabled |
    account is disabled | account has been disabled | disabled or discontinued | disabled recipient |
    mailbox disabled | account disabled | recipient account is blocked | account is suspended | suspended |
    account that you tried to reach is inactive | on hold | use the smtp server of your isp | certificate |
    starttls | encryption needed | malicious | phish | suspicious | connection limit | rejected due to |
    sender is blocked | rejected for policy | has been blocked | unexpected volume | mapped to an invalid |
    invalid sender | envelope blocked | pas pu être authentifié | blockiert | rechazado por | correo no deseado |
    bloqueado | bloccato | geblokkeerd | заблокирован | отклонено | 拒否 | 被拒绝 | 垃圾邮件 | uribl | surbl |
    is listed | listed at | listed by | listed on | authentication | certificate | insecure
""")
UNKNOWN = _table("""
    user unknown | unknown user | user not found | no such user | no such mailbox | no such recipient |
    no such address | no such account | no such person | no such local user | user does not exist |
    user doesn't exist | user not exist | user is unknown | user not known | mailbox not found |
    mailbox does not exist | mailbox doesn't exist | mailbox unavailable | mailbox unknown |
    mailbox is unavailable | mailbox not available | mailbox invalid | mailbox is inactive | no mailbox here |
    no mailbox by that name | unknown mailbox | unknown recipient | recipient unknown | recipient not found |
    recipient does not exist | recipientnotfound | recipnotfound | recipient name is not recognized |
    recipient is not recognized | no longer on server | no longer valid | no longer active | no longer available |
    no longer accepts | no longer employed | no longer with | invalid recipient | invalid mailbox |
    invalid address | invalid user | invalid final delivery userid | unknown address | address unknown |
    address not found | address does not exist | address doesn't exist | address couldn't be found |
    account does not exist | account not found | account that you tried to reach does not exist | unknown account |
    account has been deleted | account closed | does not have a yahoo | doesn't have a | not listed in |
    not listed domino | not our customer | not a valid mailbox | not a valid recipient | not a known user |
    not a valid user | inactive email address | inactive user | inactive account | inactive mailbox |
    unknown or illegal alias | illegal alias | unknown local part | unknown local-part | unrouteable address |
    unrouteable mail | unroutable address | undeliverable address | non-existent | nonexistent | dosn't exist |
    bad destination mailbox | bad address | bad recipient | this user doesn't have | there is no such |
    can't find user
  wasn't found at |  has moved | mailbox has moved | user has moved |
    destination mailbox has moved | empfänger existiert nicht | nicht gefunden | n'existe pas | inconnu |
    destinataire inconnu | introuvable | desconocido | não existe | desconhecido | non esiste | sconosciuto |
    inesistente | bestaat niet | onbekend | nie istnieje | nieznany | findes ikke | finns inte | ikke fundet |
    не существует | не найден | неизвестн | 見つかりません | 存在しません | リストにありません | 宛先不明 |
    查无此 | 존재하지 않 | 用户不存在 | 收件人不存在 | 帐号不存在 | 帳號不存在 | 邮箱不存在 | 地址不存在 |
    使用者不存在 | 用户未知 | adresse existiert nicht | postfach existiert nicht | benutzer existiert nicht |
    adresse unbekannt | empfänger unbekannt | benutzer unbekannt | usuario no existe | dirección no existe |
    cuenta no existe | recipient no longer | user could not be found | address could not be found |
    recipient could not be found | email address could not be found | email address wasn't found |
    recipient was not found | address was not found | user was not found | mailbox does not exist |
    that does not exist | directory does not exist | does not exist here | not a member | unknown alias |
    no valid recipients | unknown to this system | not on the recipient list | no account by that name |
    no mail box | invalid account | user does not have | mail addressed to
""")
NO_HOST = _table("""
    host unknown | host not found | unknown host | domain not found | domain does not exist | no such domain |
    no such host | domain doesn't exist | nxdomain | name or service not known | host or domain name not found |
    couldn't find any host | could not find a mail exchanger | couldn't find a mail exchanger | no mx record |
    no mx found | no mx or a | no mail exchanger | unrouteable mail domain | bad destination system address |
    bad destination host | does not accept mail | not accepting network messages | doesn't accept mail | null mx |
    nullmx | no route to host found | host name is invalid | illegal host/domain name |
    lookup failed: no such domain | domain isn't in my list | all relevant mx records point to non-existent hosts |
    name server: host not found | an mx or srv record indicated no smtp service | no smtp service here |
    domain name not found
""")
SYSTEM = _table("""
    mailer error | system error | local error | internal error | configuration error | server error |
    queue file write error | i/o error | command failed | command not implemented | not implemented |
    out of memory | local configuration | unable to run | failed to read
""")
# Said by many servers before they name the cause: it counts only where no other word does.
REFUSED = _table("""
    address rejected | recipient rejected | rejected recipient | recipient refused | does not like recipient |
    user rejected
""")
EXPIRED = _table("""
    message expired | retry timeout exceeded | retry time not reached | delivery retry timeout |
    in the queue too long | giving up | timed out | timeout | could not connect |
    did not accept our requests to connect | connection refused | socket error | network error | lost connection |
    unable to connect | host not reachable | unreachable | has been delayed | is delayed | will be retried |
    queue.expired | could not deliver for | deferred | connection reset | multiple retries | too many hops | loop |
    hop count | name server reply | temporary failure | temporarily | try again | could not find a gateway |
    name service error | service not available | could not complete sender verify | delivery time expired |
    has expired | bounces or loops | mail server is not responding | does not respond
""")
