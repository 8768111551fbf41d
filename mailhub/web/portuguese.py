"""The pages' words in Brazilian Portuguese, by their English text. Data only; a test holds every text of a page in it."""

from __future__ import annotations

PORTUGUESE = {
    # asking
    "Your data": "Seus dados",
    "a copy of all data about me": "uma cópia de todos os dados sobre mim",
    "the erasure of all data about me": "a exclusão de todos os dados sobre mim",
    "the withdrawal of all consent I gave": "a revogação de todo consentimento que dei",
    "The support address you wrote to": "O endereço de suporte para o qual você escreveu",
    "Your own address": "O seu próprio endereço",
    "What you ask for": "O que você pede",
    "Send me the link": "Enviar-me o link",
    "A link is sent to your address; nothing happens before you open it and confirm.": (
        "Um link é enviado ao seu endereço; nada acontece antes de você abri-lo e confirmar."
    ),
    "Other questions about your data: {contact}": "Outras perguntas sobre os seus dados: {contact}",
    "Look into your mail": "Veja o seu e-mail",
    "Thank you. If data is held under this address, a letter with a link is on its way to it.": (
        "Obrigado. Se houver dados sob este endereço, uma mensagem com um link está a caminho dele."
    ),
    "If none comes within an hour, look among the spam, ask from the address you wrote from, or write to the support.": (
        "Se nada chegar em uma hora, procure no spam, peça com o endereço do qual você escreveu, ou escreva ao suporte."
    ),
    "This did not work": "Isto não funcionou",
    "this link is unknown, was used, or is over: ask for a new one": (
        "este link é desconhecido, já foi usado ou expirou: peça um novo"
    ),
    "this page is being made already, or others are: open it again in a moment": (
        "esta página já está sendo feita, ou outras estão: abra-a de novo em um momento"
    ),
    # what the link does
    "Erase your data": "Excluir os seus dados",
    "All your messages and tickets and your address are erased, also where others quote you. Your name goes where "
    "it stands with your address or above a quote of yours.": (
        "Todas as suas mensagens e chamados e o seu endereço são excluídos, também onde outros o citam. O seu nome "
        "desaparece onde está junto ao seu endereço ou acima de uma citação sua."
    ),
    "This cannot be undone.": "Isto não pode ser desfeito.",
    "Erase everything about me": "Excluir tudo sobre mim",
    "A copy of your data": "Uma cópia dos seus dados",
    "You get one file with everything stored about you: your messages, your tickets, the records about them.": (
        "Você recebe um arquivo com tudo o que está guardado sobre você: suas mensagens, seus chamados, os registros deles."
    ),
    "Keep it where nobody else can read it.": "Guarde-o onde ninguém mais possa lê-lo.",
    "Give me the copy": "Quero a cópia",
    "Withdraw your consent": "Revogar o seu consentimento",
    "Every consent you gave is withdrawn from now on. What was done before stays lawful (GDPR art. 7(3)).": (
        "Todo consentimento que você deu fica revogado a partir de agora. O que foi feito antes continua lícito "
        "(GDPR, art. 7(3); LGPD, art. 8, § 5º)."
    ),
    "You can give consent again at any time.": "Você pode consentir de novo quando quiser.",
    "Withdraw all consent": "Revogar todo consentimento",
    # before an erasure
    "A legal hold keeps your data for now (GDPR art. 17(3)). It is erased by itself when that is lifted.": (
        "Uma guarda legal conserva os seus dados por enquanto (GDPR, art. 17(3)). Eles são excluídos por si quando ela "
        "terminar."
    ),
    "Several people write from this address: {names}. What each of them wrote from it goes.": (
        "Várias pessoas escrevem deste endereço: {names}. O que cada uma delas escreveu dele é excluído."
    ),
    "The support knows {count} addresses as yours. The erasure takes what belongs to any of them.": (
        "O suporte conhece {count} endereços como seus. A exclusão leva o que pertence a qualquer um deles."
    ),
    "What goes": "O que é excluído",
    "messages you wrote": "mensagens que você escreveu",
    "files in them": "arquivos nelas",
    "tickets you opened, with our answers": "chamados que você abriu, com as nossas respostas",
    "notes of the staff on these tickets": "notas da equipe nesses chamados",
    "tickets of others you take part in: you are taken out": "chamados de outros em que você participa: você sai deles",
    "letters and answers to you": "mensagens e respostas para você",
    "records of what you agreed to": "registros daquilo com que você consentiu",
    "earlier requests about your data": "pedidos anteriores sobre os seus dados",
    "marks on your mail, with what the spam filter learnt from them": (
        "marcas nas suas mensagens, com o que o filtro de spam aprendeu delas"
    ),
    "copies at the mail provider that are to be deleted there": "cópias no provedor de e-mail, a serem excluídas lá",
    "your address; nothing else is held about you": "o seu endereço; nada mais está guardado sobre você",
    "What is replaced where others wrote it": "O que é substituído onde outros o escreveram",
    "“{text}”: {count} times": "“{text}”: {count} vezes",
    "nothing: nobody else wrote your address": "nada: ninguém mais escreveu o seu endereço",
    "{count} messages of others are compared with yours: what they quote of you goes.": (
        "{count} mensagens de outros são comparadas com as suas: o que elas citam de você é excluído."
    ),
    "What stays, and why": "O que fica, e por quê",
    "“{name}” stands {count} times in words of others, and stays there unless the support looks at these places and "
    "agrees: write to them if you want that": (
        "“{name}” aparece {count} vezes em palavras de outros, e fica ali a menos que o suporte examine esses lugares e "
        "concorde: escreva a eles se quiser isso"
    ),
    "what other people wrote in words of their own, and their quotes of you where no mail program marked them as quotes": (
        "o que outras pessoas escreveram com palavras próprias, e citações suas que nenhum programa de e-mail marcou "
        "como citações"
    ),
    "the record that a mail came, without your address: it shows that none was lost": (
        "o registro de que uma mensagem chegou, sem o seu endereço: ele mostra que nenhuma se perdeu"
    ),
    "a keyed hash of your address, until the last backup is gone: it keeps a restored backup from bringing you back": (
        "um código com chave do seu endereço, até o último backup acabar: ele impede que um backup restaurado o traga "
        "de volta"
    ),
    "the record that this erasure was done, and its receipt: it names nobody": (
        "o registro de que esta exclusão foi feita, e o seu recibo: ele não nomeia ninguém"
    ),
    "{count} backups hold you: your part of them cannot be read from the end of the erasure on, and they go by their "
    "date": (
        "{count} backups contêm você: a sua parte deles não pode ser lida depois da exclusão, e eles acabam na sua data"
    ),
    "{count} copies of your mail in the mailbox at the provider, which the support has to delete there": (
        "{count} cópias das suas mensagens na caixa do provedor, que o suporte tem de excluir lá"
    ),
    "There is more than was counted for this page: the numbers are at least these.": (
        "Há mais do que se contou para esta página: os números são, no mínimo, estes."
    ),
    # how far it is
    "Keep this key: it proves that the receipt is about you. It is shown only now.": (
        "Guarde esta chave: ela prova que o recibo é sobre você. Ela só é mostrada agora."
    ),
    "Key": "Chave",
    "Your request was taken": "O seu pedido foi recebido",
    "Your request was taken. Somebody looks at it; you hear of it within {days} days.": (
        "O seu pedido foi recebido. Alguém o examina; você terá notícia dele em até {days} dias."
    ),
    "Your request was not carried out": "O seu pedido não foi atendido",
    "Your request was not carried out. The reason was mailed to you.": (
        "O seu pedido não foi atendido. O motivo foi enviado a você por e-mail."
    ),
    "Your copy is ready": "A sua cópia está pronta",
    "You can fetch the copy until {until}.": "Você pode buscar a cópia até {until}.",
    "Fetch the copy": "Buscar a cópia",
    "Your consent is withdrawn": "O seu consentimento está revogado",
    "All consent you gave is withdrawn.": "Todo consentimento que você deu está revogado.",
    "Your data is held": "Os seus dados estão sob guarda",
    "Your data is being erased": "Os seus dados estão sendo excluídos",
    "Your data is being erased. Open this page again for the receipt; nothing more is mailed.": (
        "Os seus dados estão sendo excluídos. Abra esta página de novo para o recibo; nada mais é enviado por e-mail."
    ),
    "Your data is erased": "Os seus dados foram excluídos",
    "Fetch the receipt": "Buscar o recibo",
    "The public key that verifies the receipt": "A chave pública que verifica o recibo",
    # the receipt
    "The erasure began at {begun} and was done at {done}. What came after {cut} is not part of it.": (
        "A exclusão começou em {begun} e terminou em {done}. O que chegou depois de {cut} não faz parte dela."
    ),
    "What was done": "O que foi feito",
    "messages deleted": "mensagens excluídas",
    "tickets deleted": "chamados excluídos",
    "notes of the staff deleted": "notas da equipe excluídas",
    "messages of others in which you were replaced": "mensagens de outros em que você foi substituído",
    "tickets of others you were taken out of": "chamados de outros dos quais você saiu",
    "letters and answers to you deleted": "mensagens e respostas para você excluídas",
    "records of your person deleted": "registros da sua pessoa excluídos",
    "other records in which you were replaced": "outros registros em que você foi substituído",
    "your address was taken out": "o seu endereço foi retirado",
    "Then everything was searched: {messages} messages, {rows} records, {files} files. Your address was found nowhere.": (
        "Depois tudo foi procurado: {messages} mensagens, {rows} registros, {files} arquivos. O seu endereço não foi "
        "encontrado em lugar nenhum."
    ),
    "What was not done, and why": "O que não foi feito, e por quê",
    "nothing: there is no exception": "nada: não há exceção",
    "names of the person that were not looked for in others' words: nobody agreed to that": (
        "nomes seus que não foram procurados em palavras de outros: ninguém concordou com isso"
    ),
    "names agreed to that are others' by now, and were not looked for": (
        "nomes aprovados que agora são de outras pessoas, e não foram procurados"
    ),
    "messages of others with words that the person wrote too, but not provably quoted from them": (
        "mensagens de outros com palavras que você também escreveu, mas que não são comprovadamente citações suas"
    ),
    "the person wrote more than can be compared: quotes of the rest were known by their marks alone": (
        "você escreveu mais do que se pode comparar: citações do resto foram conhecidas apenas por suas marcas"
    ),
    "your address, in a form that could not be taken out": "o seu endereço, numa forma que não pôde ser retirada",
    "a form of your address with a plus part": "uma forma do seu endereço com um sinal de mais",
    "a code made of your address": "um código feito do seu endereço",
    "your name, in words of others": "o seu nome, em palavras de outros",
    "something that could not be read: it is encrypted or too large": (
        "algo que não pôde ser lido: está cifrado ou é grande demais"
    ),
    "{count} backups made before: your part of them cannot be read any more; the last one goes at {until}": (
        "{count} backups feitos antes: a sua parte deles não pode mais ser lida; o último acaba em {until}"
    ),
    "{count} copies of your mail at the mail provider that are, or may be, still there": (
        "{count} cópias das suas mensagens no provedor de e-mail que estão, ou podem estar, ainda lá"
    ),
    "Where the erasure does not reach": "Aonde a exclusão não chega",
    "freed blocks of the file system and of the disk": "blocos liberados do sistema de arquivos e do disco",
    "snapshots and copies of the disk or of the database made outside mailhub": (
        "instantâneos e cópias do disco ou do banco de dados feitos fora do mailhub"
    ),
    "PostgreSQL's write-ahead log, its replicas and freed space in its files": (
        "o registro de transações do PostgreSQL, suas réplicas e o espaço liberado em seus arquivos"
    ),
    "copies of key files": "cópias dos arquivos de chaves",
    "what others quote of the person in backups made before, until these expire": (
        "o que outros citam de você em backups feitos antes, até que eles acabem"
    ),
    "what was sent to others: their mailboxes, and mailboxes mail was fetched from, but for what was deleted there": (
        "o que foi enviado a outros: as caixas deles, e as caixas de onde o e-mail foi buscado, salvo o que foi "
        "excluído lá"
    ),
    "what stands inside encrypted files that people attached, in pictures and in recordings": (
        "o que está dentro de arquivos cifrados anexados, em imagens e em gravações"
    ),
    "What this receipt proves": "O que este recibo prova",
    "The receipt is signed. Whoever has the public key can check that it comes from this service and was not changed. "
    "It names nobody: only with your address and the key that was shown to you once can it be shown that it is about "
    "you. It proves what was done, by counts, and lists what was not.": (
        "O recibo é assinado. Quem tem a chave pública pode verificar que ele vem deste serviço e não foi alterado. Ele "
        "não nomeia ninguém: só com o seu endereço e a chave que lhe foi mostrada uma vez se pode mostrar que ele é "
        "sobre você. Ele prova o que foi feito, em números, e lista o que não foi."
    ),
    "To check it": "Para verificá-lo",
}
