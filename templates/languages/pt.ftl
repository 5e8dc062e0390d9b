# What merchants read, in Portuguese as Brazil writes it. Names of menus and buttons are those of WordPress and
# WooCommerce in Brazilian Portuguese.

## Around every page

language = Idioma
need-help = Precisa de ajuda?
new-tab = (abre em uma nova aba)
problem = Problema: { $title }
error-word = Erro:
fact-store = Loja
fact-account = Conta
for-support = Para o suporte: { $code }
keys-menu = Configurações → Avançado → API REST
permalinks-menu = Configurações → Links permanentes
open-keys = Abrir as chaves de { $store }
steps = Etapas
step-address = Endereço
step-approve = Aprovar
step-key = Chave
step-test = Teste
step-connected = Conectada
step-done = (feito)

## Begin

connect-title = Conectar sua loja
connect-again-title = Reconectar sua loja
connect-lead = Conecte sua loja WooCommerce a { $app }. Você aprova na sua própria loja; não há chaves para copiar.
connect-lead-account = Conecte sua loja WooCommerce a { $app }, conta { $account }. Você aprova na sua própria loja; não há chaves para copiar.
connect-whose = A loja pertencerá à conta de { $app } para a qual este link foi criado. Continue somente se você mesmo começou isto em { $app } ou se sabe quem lhe enviou o link.
why-title = Por que é necessário
why-disconnected = { $store } foi desconectada. Reconectá-la cria uma nova chave.
why-works = A conexão com { $store } funciona. Reconectá-la substitui a chave.
news-connected = { $store } já está conectada a { $app } com este link. Não há mais nada a fazer.
news-open = A conexão de { $store } foi iniciada com este link em outro navegador. Continue lá ou comece aqui.
news-testing = { $store } foi aprovada com este link em outro navegador, e a chave está sendo testada. Aguarde o resultado lá.
news-confirm = { $store } foi aprovada com este link em outro navegador, onde ainda falta uma confirmação. Termine lá.
news-denied = A aprovação foi negada em { $store }; nada foi conectado. Você pode tentar de novo aqui.
connect-another = Conectar outra loja
connect-here = Começar aqui
connect-stopped = Ainda não é possível conectar sua loja
connect-warned = Algo pode atrapalhar
connect-passable = Seu navegador provavelmente passa por onde nossa verificação não passou. Continue; você pode voltar aqui.
for-host-title = Envie isto à sua hospedagem
for-host-lead = Copie este texto em uma mensagem para a sua hospedagem ou para quem cuida da segurança do seu site.
for-host-copy = Copiar o texto
for-host-copied = Copiado
for-host-text = Por favor, deixem passar as requisições de { $app } para { $store }.
for-host-paths = Caminhos: { $paths }
for-host-agent = Agente do usuário (User-Agent): { $agent }
for-host-addresses = Endereços IP: { $addresses }
for-host-setting = Configuração: { $setting }
connect-adopted = O endereço principal da sua loja é { $store }; usaremos esse.
connect-checking = Verificando sua loja…
connect-checking-hint = Isso leva alguns segundos.
connect-checking-later = Sua loja está demorando para responder. Ainda estamos esperando; a verificação leva até 30 segundos, e você poderá continuar mesmo que ela não termine.
connect-address = Endereço da sua loja
connect-address-hint = Por exemplo, shop.example.com; qualquer página dela serve.
connect-button = Conectar loja
connect-check-again = Verificar de novo
connect-go-on = Continuar mesmo assim
approve-title = O que você vai aprovar
approve-what = { $app } poderá { $may }.
approve-list = Sua loja pedirá que você dê a { $name } acesso de { $access }, que permite:
approve-kept = Sua loja cria uma chave para isso. Nós a guardamos criptografada, e só { $app } pode usá-la. A senha da sua loja nunca chega até nós.
approve-revoke = Você pode revogar a chave a qualquer momento, no WooCommerce, em { $menu }.
approve-ask = Se tiver dúvidas, fale com { $app }.
approve-ask-link = Dúvidas? { $link }.
need-help-at = Peça ajuda a { $app }
create-webhooks = Criar webhooks
create-coupons = Criar cupons
create-customers = Criar clientes
create-orders = Criar pedidos
create-products = Criar produtos
view-coupons = Ver cupons
view-customers = Ver clientes
view-orders = Ver pedidos e relatórios de vendas
view-products = Ver produtos
manage-coupons = Ver e gerenciar cupons
manage-customers = Ver e gerenciar clientes
manage-orders = Ver e gerenciar pedidos e relatórios de vendas
manage-products = Ver e gerenciar produtos
how-title = Como funciona
how-log-in = Sua loja pede que você faça login. Você precisa ser administrador ou gerente da loja.
how-check = Sua loja mostrará { $name } e { $host }. Confira os dois e clique em “Aprovar” (Approve).
how-back = Você volta para cá, e nós testamos a conexão.
log-in-first = Sua loja usa captcha, login em duas etapas ou login único (SSO)? Primeiro faça login no wp-admin da sua loja neste navegador e depois continue aqui.
log-in-first-there = Sua loja usa captcha, login em duas etapas ou login único (SSO)? { $link } e depois continue aqui.
log-in-first-link = Primeiro faça login no wp-admin da sua loja

## Send

send-title = Continuar em { $store }
send-heading = Levando você a { $store }
send-lead = Sua loja abrirá sozinha em instantes. Faça login se ela pedir, e aprove.
send-adopted = O endereço principal da sua loja é { $store }; usamos esse.
send-button = Continuar para { $store }
send-before = Antes de clicar em “Aprovar”
send-names = Sua loja mostrará { $name } e { $host }. Confira os dois. Clique em “Aprovar” para conectar ou em “Negar” para parar.
send-stuck = Não consegue avançar na sua loja? Volte para { $page }: ela ajuda com os erros mais comuns.
send-stuck-page = a página desta conexão

## How an attempt stands

attempt-open = Aguardando { $store }
attempt-open-lead = Clique em “Aprovar” em { $store }. Se algo deu errado lá, a ajuda abaixo diz o que fazer. Esta página se atualiza automaticamente.
attempt-no-key = Nenhuma chave chegou até nós
attempt-no-key-lead = Sua loja informa que você aprovou, mas nenhuma chave chegou até nós. Provavelmente um firewall ou um redirecionamento a reteve.
attempt-connecting = Conectando { $store }
attempt-received-lead = A chave chegou. Vamos testá-la em instantes; você pode deixar esta página aberta.
attempt-proving-lead = Estamos perguntando à sua loja se a chave funciona. Isso leva alguns segundos; uma loja lenta pode precisar de dois minutos.
attempt-confirm = Foi você que aprovou?
attempt-confirm-lead = A chave de { $store } funciona, mas nenhum navegador voltou da aprovação. Nada é conectado até você confirmar.
attempt-confirm-lead-elsewhere = A chave de { $store } funciona, mas a aprovação voltou em outro navegador. Nada é conectado até você confirmar.
attempt-trouble = A chave de { $store } ainda não pôde ser testada
attempt-app = { $app } precisa confirmar
attempt-app-lead = A chave funciona. { $app } conecta a loja assim que verificar que esta é a sua conta.
attempt-connected = { $store } está conectada
attempt-connected-lead = { $app } já pode { $may }.
attempt-denied = Você negou o acesso
attempt-denied-lead = Nada foi conectado. Se foi um engano, tente de novo e clique em “Aprovar” em { $store }.
attempt-failed = Não foi possível conectar { $store }
moved-to = Agora ela informa o endereço { $address }.
attempt-expired = Esta tentativa expirou
attempt-expired-lead = Ninguém aprovou em { $store } a tempo, por isso nada foi conectado. Tente de novo quando tiver um minuto.
wait-keep = Sua aprovação chegou; não é preciso aprovar de novo. Continuamos tentando: no início a cada poucos segundos, enquanto esta página estiver aberta, e depois com menos frequência, por cerca de uma hora.
wait-now = Tentar agora
wait-now-busy = Tentando…
wait-host = Se isso não está ao seu alcance, envie a frase acima e o código abaixo à sua hospedagem ou a quem cuida da sua loja.
new-key_lost = { $store } apagou a nova chave, porque nossa resposta não chegou a tempo. Nada foi conectado. Tente de novo; se acontecer outra vez, pergunte à sua hospedagem por que as respostas de fora chegam tão tarde ao servidor da loja.
new-key_rejected = { $store } não aceita a chave que acabou de criar. Provavelmente um cache ou um plugin de segurança está no caminho. Tente de novo; se acontecer outra vez, envie isto à sua hospedagem.
new-role_lost = O usuário do WordPress que aprovou em { $store } não pode ler os pedidos. Tente de novo e aprove como administrador ou gerente da loja.
warning-rest_closed = { $store } fecha a API REST para visitantes. As chaves costumam funcionar mesmo assim: continue, e testaremos a sua. Se ela for recusada, permita wc/v3 no seu plugin de segurança.

## What to do about it

no-key-title = O que fazer agora
no-key-remove = No WooCommerce, abra { $menu } e remova a chave “{ $name }” mais recente.
no-key-again = Volte e tente de novo.
no-key-host = Se acontecer outra vez, peça à sua hospedagem que permita ao servidor da loja acessar { $address } sem redirecionamentos.
confirm-only = Confirme somente se { $yourself } aprovou, e somente para a sua própria loja.
confirm-only-yourself = você mesmo
confirm-yes = Sim, conectar
confirm-yes-busy = Conectando…
confirm-no = Não, descartar
throwing-away = Descartando a chave…
app-finish = Para concluir, volte a { $app }, onde você fez login.
connected-close = É só isso. Você pode fechar esta página.
tidy-title = Organize sua loja
tidy-keys = { $count ->
    [one] Sua loja também tem uma chave que não é usada.
   *[other] Sua loja também tem { $count } chaves que não são usadas.
} No WooCommerce, abra { $menu } e remova o que termina em { $keys }.
tidy-former = A chave anterior, { $key }, não é mais necessária. Remova-a na { $page } da sua loja.
tidy-former-page = página da chave { $id }
key-in-use = A chave em uso termina em { $key }. Para encerrar a conexão, remova essa chave na sua loja, em { $menu }.
try-again = Tentar de novo
start-over = Começar de novo
try-again-link = Para tentar de novo, abra mais uma vez o link que você recebeu ou peça um novo a { $app }.
go-on-to = Continuar para { $app }
back-to = Voltar a { $app }

## Approved in another browser

elsewhere-title = Esta aprovação começou em outro lugar
elsewhere-lead = Alguém começou, em outro navegador, a conectar { $store } a { $app }. Nada foi conectado ainda.
elsewhere-lead-connected = Alguém começou, em outro navegador, a conectar { $store } a { $app }. A loja está conectada.
elsewhere-you = Foi você?
elsewhere-you-go = Volte ao navegador, ou ao aparelho, em que você começou. A conexão termina lá.
elsewhere-you-done = Então está tudo pronto. Você pode fechar esta página.
elsewhere-other = Outra pessoa enviou você para cá?
elsewhere-other-throw = Então ela pode estar tentando acessar sua loja. Diga-nos, e descartamos a chave.
elsewhere-other-revoke = Então ela já pode acessar sua loja. No WooCommerce, abra { $menu } e revogue a chave “{ $name }” mais recente.
elsewhere-not-me = Não fui eu
disowned-title = A chave foi descartada
disowned-lead = { $store } não está conectada a { $app }, e ninguém mais pode usar esta aprovação.
disowned-left = Falta só uma coisa
disowned-revoke = Sua loja ainda lista a chave. No WooCommerce, abra { $menu } e revogue a chave “{ $name }” mais recente.
disowned-revoke-key = Sua loja ainda lista a chave. No WooCommerce, abra { $menu } e revogue a chave que termina em { $key }.

## What the store itself may say

trouble-title = Sua loja mostra um erro?
trouble-send = “…unable to send the consumer data”
trouble-send-do = Sua loja não conseguiu entregar a chave ou não recebeu nossa resposta a tempo. Comece de novo. Se continuar, peça à sua hospedagem que permita ao servidor da loja acessar { $address }.
trouble-blocked = “cURL error 6”, “7” ou “28”, ou “User has blocked requests through HTTP”
trouble-blocked-do = Sua hospedagem bloqueia as requisições de saída da loja. Peça que ela permita https para { $host }, porta 443, e tente de novo.
trouble-certificate = “cURL error 60”
trouble-certificate-do = A lista de certificados confiáveis no servidor da sua loja está desatualizada. Peça à sua hospedagem que a renove e tente de novo.
trouble-url = “A valid URL was not provided” ou “Uma URL válida não foi fornecida”
trouble-url-do = O servidor da sua loja não encontra { $host }. Peça à sua hospedagem que verifique o DNS para esse nome e tente de novo.
trouble-permission = “You do not have permission to access this page” ou “Você não tem permissão para acessar esta página”
trouble-permission-do = Seu login na loja expirou, ou a conta não tem permissão para isso. Saia da loja, faça login de novo como administrador ou gerente da loja e tente de novo.
trouble-nonce = “Invalid nonce verification”
trouble-nonce-do = Seu login na loja expirou ou mudou desde que a página foi aberta. Faça login de novo e clique em “Aprovar”.
trouble-login = O login é recusado embora a senha esteja certa
trouble-login-do = Um captcha ou um login único (SSO) está no caminho. { $link } e depois tente de novo aqui.
trouble-login-link = Primeiro faça login no wp-admin
trouble-firewall = “403 Forbidden” ou “406 Not Acceptable”
trouble-firewall-do = O firewall da sua hospedagem bloqueia o link de aprovação, porque ele contém um endereço da web. Peça à sua hospedagem que libere /wc-auth/ e tente de novo.
trouble-page = “Página não encontrada”, ou simplesmente a página inicial da loja
trouble-page-do = No WordPress, abra { $menu }, escolha “Nome do post”, clique em “Salvar alterações” e tente de novo.

## By hand: where the operator allows it

by-hand-offer = Se a aprovação não funcionar na sua loja, você pode { $link }.
by-hand-offer-link = conectá-la manualmente
by-hand-button = Conectar manualmente
by-hand-title = Conectar sua loja manualmente
by-hand-lead = Você cria uma chave nas configurações da sua loja e a copia aqui. Leva uns três minutos.
by-hand-make = Criar a chave
by-hand-short = Já entrou na sua loja? { $link } leva você direto ao passo 5.
by-hand-short-link = A página da sua loja para uma nova chave
by-hand-1 = Entre no WordPress da sua loja, como administrador ou gerente da loja.
by-hand-2 = No menu à esquerda, abra { $menu }.
by-hand-3 = Abra a aba { $tab } e, nela, { $part }.
by-hand-4 = Clique em { $button }.
by-hand-5 = Em { $field }, digite { $name }.
by-hand-6 = Deixe { $user } como está: é você. Em { $field }, escolha { $permissions }.
by-hand-7 = Clique em { $button }.
by-hand-8 = Copie { $key } e { $secret } para os campos abaixo. Sua loja mostra o segredo só desta vez: deixe a página dela aberta até que os dois estejam aqui.
by-hand-menu = WooCommerce → Configurações
by-hand-tab = Avançado
by-hand-part = API REST
by-hand-add = Adicionar chave
by-hand-description = Descrição
by-hand-user = Usuário
by-hand-permissions = Permissões
by-hand-read = Leitura
by-hand-write = Escrita
by-hand-read_write = Leitura/Escrita
by-hand-generate = Gerar chave de API
by-hand-drawn-1 = Desenho: o formulário de acesso, com o botão marcado.
by-hand-drawn-2 = Desenho: o menu escuro à esquerda, com WooCommerce aberto e Configurações marcado.
by-hand-drawn-3 = Desenho: uma fileira de abas com a última marcada, e um link marcado embaixo.
by-hand-drawn-4 = Desenho: a lista de chaves, com o botão acima dela marcado.
by-hand-drawn-5 = Desenho: um formulário de três campos, com o primeiro marcado.
by-hand-drawn-6 = Desenho: o mesmo formulário, com o segundo e o terceiro campo marcados.
by-hand-drawn-7 = Desenho: o mesmo formulário, com o botão abaixo dele marcado.
by-hand-drawn-8 = Desenho: dois campos longos, ck_ e cs_, cada um com um botão para copiar.
by-hand-paste = Inserir a chave
by-hand-key = Chave do consumidor
by-hand-secret = Segredo do consumidor
by-hand-begins = Começa com { $prefix }
by-hand-wrong = Seus dados não foram aceitos. Veja os erros abaixo.
by-hand-not-kept = A chave e o segredo não foram salvos. Copie os dois de novo.
by-hand-in-use = { $store } já está conectada com esta mesma chave. Não há mais nada a fazer.
by-hand-approve = Prefere não copiar nada? { $link }.
by-hand-approve-link = Aprove na sua loja

## Senhas de aplicativo: onde o operador permite e a aprovação não consegue terminar

password-offer = Se a sua loja não conseguir concluir a aprovação, você pode { $link }.
password-offer-link = conectar com uma senha de aplicativo
password-button = Conectar com uma senha de aplicativo
password-title = Conectar com uma senha de aplicativo
password-lead = O WordPress tem a sua própria forma de aprovar { $app }: você entra em { $store }, aprova lá, e o seu navegador traz de volta uma senha criada para esta conexão. Isso funciona onde a aprovação habitual não consegue terminar.
password-may = Uma senha de aplicativo não tem lista de permissões. Com ela, { $app } pode fazer tudo o que o usuário do WordPress que aprova pode fazer. A de um administrador também permite alterar usuários, plugins e configurações.
password-limit = Para dar menos acesso, entre na sua loja como gerente da loja em vez de administrador.
password-names = Sua loja mostrará { $name } e um endereço que começa com { $host }. Confira os dois e clique em “Sim, eu aprovo esta conexão”.
password-twice = Se o login levar você a outro lugar, volte aqui e continue de novo para a sua loja.
password-kept = Guardamos a senha criptografada, e só { $app } pode usá-la. A senha com que você faz login nunca chega até nós.
password-revoke = Você pode revogá-la a qualquer momento no WordPress em { $menu }.
password-menu = Usuários → Perfil → Senhas de aplicativo
password-approve = O problema foi resolvido? { $link }.
password-open-lead = Clique em “Sim, eu aprovo esta conexão” em { $store }. Se o login levar você a outro lugar, use de novo o botão abaixo. Esta página se atualiza sozinha.
password-denied = Você não aprovou
password-denied-lead = Nada foi conectado. Se foi um engano, tente de novo e clique em “Sim, eu aprovo esta conexão” em { $store }.
password-connected-lead = { $app } agora pode fazer em { $store } tudo o que o usuário do WordPress que aprovou pode fazer.
password-in-use = A conexão usa a senha de aplicativo { $name } do usuário que aprovou. Para encerrá-la, revogue essa senha na sua loja em { $menu }.
password-elsewhere-lead = Alguém começou a conectar { $store } a { $app } em outro navegador. A aprovação voltou neste, então nada foi conectado.
password-elsewhere-again = Se foi você, comece de novo e fique em um só navegador.
password-elsewhere-deleted = Excluímos a nova senha de aplicativo em { $store }. Não há mais nada a fazer.
password-elsewhere-left = { $store } talvez ainda mostre a nova senha de aplicativo. No WordPress, abra { $menu } e revogue a mais recente com o nome { $name }.

## When a page cannot be shown

error-nothing-here = Não encontrado
error-not-taken = Requisição não aceita
error-one-moment = Um momento, por favor
error-our-side = Algo deu errado
error-no = Isso não funcionou
error-number = Se você pedir ajuda, informe este número: { $number }
error-connect = Conectar uma loja
link-gone-title = Este link não funciona mais
link-gone = Os links para conectar uma loja funcionam por tempo limitado. Verifique se você abriu o link inteiro.
link-gone-ask = Peça um novo a { $app } ou a quem enviou o link a você.
failure-address = Não há nada neste endereço.
failure-method = Este endereço não aceita esse tipo de requisição.
failure-large = A requisição é grande demais.
failure-late = A requisição não chegou a tempo. Envie de novo.
failure-busy = O serviço está ocupado. Tente de novo em alguns segundos.
failure-unreadable = Não foi possível ler a requisição.
failure-form = Não foi possível ler o que seu navegador enviou. Abra a página de novo.
failure-broken = Algo deu errado do nosso lado. Tente de novo em instantes.
failure-broken-tell = Algo deu errado do nosso lado. Tente de novo em instantes; se continuar, informe o número da requisição a quem opera o serviço.
failure-unavailable = O serviço está ocupado ou não consegue acessar o banco de dados. Tente de novo em alguns segundos.
failure-cross-site = Este formulário foi enviado de outro site e por isso não foi aceito. Abra a página de novo e envie a partir dela.
failure-needs-link = Aqui é preciso um link para conectar. Peça um a quem opera o serviço.
failure-other-browser = Esta página só abre no navegador em que você começou, e por um dia. Abra-a nele ou comece de novo com o link que você recebeu.
failure-network-limit = Houve tentativas demais a partir da sua rede. Tente de novo em meio minuto. Para conectar muitas lojas, peça um link a quem opera o serviço: com ele, esse limite não se aplica.
failure-link-limit = Este link foi usado vezes demais em pouco tempo. Tente de novo em meio minuto.
failure-day-limit = A sua rede já conectou o máximo de lojas que esta página permite em um dia. Peça um link a quem opera o serviço: com ele, você pode continuar agora mesmo.
failure-open-limit = Há lojas demais sendo conectadas por esta página agora. Aguarde um minuto e tente de novo, ou peça um link a quem opera o serviço: com ele, você pode continuar agora mesmo.
failure-limit = Muitas lojas estão sendo verificadas agora. Aguarde dez segundos e tente de novo.

## What a key may do

scope-read = ver seus produtos, pedidos e clientes, sem alterar nada
scope-write = criar e alterar produtos, pedidos e clientes, sem lê-los
scope-read_write = ver e alterar seus produtos, pedidos e clientes

## Why an address is not a store's

address-empty = Digite o endereço da sua loja, por exemplo shop.example.com.
address-too_long = Esse endereço é longo demais. Digite só o endereço principal da sua loja, por exemplo shop.example.com.
address-unreadable = Isso não parece um endereço da web. Digite o endereço principal da sua loja, por exemplo shop.example.com.
address-userinfo = Retire a parte antes do sinal @ e digite só o endereço da sua loja.
address-scheme = O endereço de uma loja começa com https://. Digite-o como você o vê no navegador.
address-ip_address = Digite o nome da sua loja, por exemplo shop.example.com, em vez de um endereço numérico.
address-private_name = Esse endereço só funciona dentro da sua própria rede. Digite o endereço que seus clientes usam.
address-port = Retire o número depois dos dois-pontos: as lojas precisam responder na porta https padrão.

## What asking the store told us

verdict-works = { $store } está conectada.
verdict-key_rejected = { $store } não aceita mais a chave: ela foi revogada, ou o usuário do WordPress que aprovou foi excluído. Conecte a loja de novo.
verdict-secret_rejected = { $store } conhece a chave, mas recusa o segredo dela. Conecte a loja de novo.
verdict-role_lost = O usuário do WordPress que aprovou não é mais administrador nem gerente da loja em { $store }. Devolva a ele essa função ou conecte de novo com uma conta que a tenha.
verdict-scope_narrower = { $store } concedeu menos do que foi pedido, por isso algumas coisas não vão funcionar. Conecte de novo e deixe a página de aprovação como está.
verdict-scope_wider = { $store } concedeu mais do que foi pedido. Funciona; conecte de novo se quiser que a chave permita menos.
verdict-key_not_saved = { $store } enviou uma chave que não salvou, geralmente por causa de uma tabela do banco de dados cheia ou desatualizada. Atualize o WooCommerce e tente de novo.
verdict-key_unreadable = Não conseguimos ler a nossa cópia da chave de { $store }: o registro foi danificado ou alterado, e por isso a chave não é usada. Quem opera o serviço pode restaurar o registro a partir de um backup; caso contrário, conecte a loja de novo.
verdict-header_stripped = O servidor de { $store } descarta a chave a caminho do WooCommerce. Peça à sua hospedagem que repasse o cabeçalho Authorization ao PHP e tente de novo.
verdict-https_hidden = O servidor de { $store } esconde o https do WordPress, e por isso o WooCommerce ignora a chave. Peça à sua hospedagem que defina HTTPS para o PHP atrás do proxy e tente de novo.
verdict-clock_off = O relógio de { $store } e o nosso diferem em mais de quinze minutos, e por isso a loja recusa pedidos assinados. Peça à sua hospedagem que acerte o relógio do servidor e tente de novo.
verdict-other_store = A chave pertence a outra loja, e não a { $store }. Conecte de novo e aprove na própria { $store }.
verdict-moved = { $store } tem um novo endereço. Conecte de novo com o endereço que a loja tem agora.
verdict-clone_suspected = { $store } informa outro endereço como seu, e lá também responde uma loja: uma das duas pode ser uma cópia. Conecte de novo com o endereço que os seus clientes usam, ou corrija o endereço do site no WordPress em Configurações → Geral.
verdict-application_passwords_off = As senhas de aplicativo estão desativadas em { $store }. O Wordfence faz isso por padrão: Wordfence → All Options → Brute Force Protection → Disable WordPress application passwords. Permita-as ali ou no seu plugin de segurança e tente de novo.
verdict-user_gone = O usuário do WordPress que aprovou não existe mais em { $store }. Conecte de novo como administrador ou gerente da loja.
verdict-blocked_by_cloudflare = A Cloudflare está bloqueando nosso servidor em { $store }. Na Cloudflare, adicione uma regra que ignore /wp-json/ e /wc-auth/, ou desative o Bot Fight Mode, e tente de novo.
verdict-blocked_by_sucuri = A Sucuri está bloqueando nosso servidor em { $store }. Na Sucuri, permita nosso endereço para /wp-json/ e /wc-auth/ e tente de novo.
verdict-blocked_by_siteground = A verificação de robôs da SiteGround está bloqueando nosso servidor em { $store }. Peça ao suporte da SiteGround que permita nosso endereço e tente de novo.
verdict-blocked_by_wordfence = O plugin Wordfence está bloqueando nosso servidor em { $store }. No Wordfence, permita nosso endereço em “Firewall” e tente de novo.
verdict-blocked_by_imunify360 = O Imunify360 está bloqueando nosso servidor em { $store }. Peça à sua hospedagem que permita nosso endereço e tente de novo.
verdict-blocked_by_aws_waf = O AWS WAF está bloqueando nosso servidor em { $store }. Peça a quem administra a conta AWS da loja que permita nosso endereço para /wp-json/ e /wc-auth/ e tente de novo.
verdict-blocked_by_imperva = O Imperva está bloqueando nosso servidor em { $store }. No Imperva, permita nosso endereço para /wp-json/ e /wc-auth/ e tente de novo.
verdict-blocked_by_bot_check = Uma verificação de robôs em { $store } deixa passar navegadores, mas não nosso servidor. Peça à sua hospedagem que permita nosso endereço para /wp-json/ e /wc-auth/ e tente de novo.
verdict-blocked_by_modsecurity = Uma regra do ModSecurity da sua hospedagem está bloqueando { $store }. Peça à sua hospedagem que libere /wc-auth/ e /wp-json/ (regras contra endereços da web em parâmetros) e tente de novo.
verdict-blocked_by_solid_security = O plugin Solid Security restringe a API REST de { $store }. No WordPress, abra Security → Settings → Advanced → WordPress Tweaks, defina REST API como “Default Access” e tente de novo.
verdict-blocked_by_all_in_one_security = O plugin All-In-One Security recusa requisições REST em { $store }. No WordPress, abra WP Security → Firewall → PHP rules, desligue “Disallow unauthorized REST requests” e tente de novo.
verdict-blocked_by_disable_rest_api = O plugin Disable REST API fecha a API REST de { $store }. No WordPress, em Configurações → Disable REST API, permita /wc/v3 para usuários não autenticados e tente de novo.
verdict-blocked_by_birim_rest_lock = O plugin Birim REST Lock bloqueia a API REST de { $store }. Nas configurações desse plugin, permita wc/v3 e tente de novo.
verdict-blocked_by_duo = O plugin Duo pede um segundo fator antes que a API de { $store } responda. Peça ao seu administrador que isente /wp-json/ no Duo e tente de novo.
verdict-blocked_by_defensive_mode = O Defensive Mode na hospedagem de { $store } (Pressable, WordPress.com, WP Cloud) está bloqueando nosso servidor. Desligue o Defensive Mode no painel da hospedagem e tente de novo.
verdict-blocked_by_firewall = Um firewall está bloqueando nosso servidor em { $store }. Peça à sua hospedagem que permita nosso endereço para /wp-json/ e /wc-auth/ e tente de novo.
verdict-rest_closed = Um plugin de segurança bloqueia a API REST de { $store }. Permita wc/v3 nesse plugin e tente de novo.
verdict-not_public = { $store } é privada ou ainda não foi lançada, então só os membros têm acesso. Lance o site no WordPress.com em Configurações → Geral e tente de novo.
verdict-login_wall = { $store } pede uma senha aos visitantes ou mostra antes outra página. Desative isso para /wp-json/ e /wc-auth/ e tente de novo.
verdict-maintenance = { $store } está em modo de manutenção. Tente de novo quando a loja estiver aberta.
verdict-server_error = { $store } respondeu com um erro do servidor. Tente de novo em alguns minutos; se continuar, fale com a sua hospedagem.
verdict-rate_limited = { $store } pediu que fôssemos mais devagar. Tente de novo em alguns minutos.
verdict-dns_failed = Não encontramos { $store }. Verifique se o endereço está escrito corretamente.
verdict-private_address = { $store } leva a um endereço dentro de uma rede privada. Digite o endereço que seus clientes usam.
verdict-connect_failed = Nada responde em { $store }. Verifique o endereço ou pergunte à sua hospedagem se a loja está no ar.
verdict-tls_failed = O certificado de { $store } não é confiável: está vencido, incompleto ou é de outro nome. Peça à sua hospedagem que o renove e tente de novo.
verdict-tls_outdated = O servidor de { $store } oferece apenas criptografia obsoleta (TLS 1.1 ou anterior, ou cifras antigas). Peça à sua hospedagem que ative o TLS 1.2 ou mais novo com ECDHE e tente de novo.
verdict-timed_out = { $store } não respondeu a tempo. Tente de novo em um minuto; se continuar lenta, fale com a sua hospedagem.
verdict-answer_unreadable = { $store } deu uma resposta que não é do WordPress. Verifique se este é o endereço da própria loja.
verdict-no_https = { $store } não tem https, então as chaves viajariam sem proteção. Ative o https no WordPress em Configurações → Geral e tente de novo.
verdict-no_wordpress = Não encontramos o WordPress em { $store }. Este é o endereço da própria loja?
verdict-no_woocommerce = O WordPress está em { $store }, mas o WooCommerce 3.5 ou mais recente não está ativo. Ative o plugin WooCommerce e tente de novo.
verdict-plain_permalinks = { $store } usa links permanentes do tipo “Padrão”. No WordPress, abra Configurações → Links permanentes, escolha “Nome do post”, clique em “Salvar alterações” e tente de novo.
verdict-index_permalinks = Os links de { $store } passam por index.php, e assim a página de aprovação do WooCommerce não consegue terminar. Peça à sua hospedagem que ative a reescrita de URLs e tente de novo.
verdict-permalinks_stale = A página de aprovação do WooCommerce não foi encontrada em { $store }. No WordPress, abra Configurações → Links permanentes, clique uma vez em “Salvar alterações” e tente de novo.
verdict-approval_misdirected = A página de aprovação do WooCommerce em { $store } leva a outro endereço. Verifique o endereço do WordPress e o endereço do site em Configurações → Geral.
verdict-approval_cached = Um cache em { $store } responde à página de aprovação do WooCommerce com outra solicitação. Peça à sua hospedagem que exclua /wc-auth/ e /wp-json/ do cache e tente de novo.
verdict-noisy_answer = { $store } escreve outro texto em volta de suas respostas. Funciona, mas peça a quem desenvolve a loja que desative a exibição de erros do PHP e os comentários dos plugins de cache.
verdict-slow = { $store } funciona, mas leva mais de dez segundos para responder. Pergunte ao seu provedor de hospedagem o que a deixa lenta.
verdict-denied = Você negou o acesso em { $store }; nada foi conectado.
verdict-not_finished = Ninguém aprovou em { $store } a tempo; nada foi conectado.
verdict-not_confirmed = A chave de { $store } funcionou, mas a aprovação não foi confirmada a tempo; nada foi conectado. Comece de novo.
verdict-disowned = A aprovação em { $store } foi informada como engano; nada foi conectado.
verdict-approved_elsewhere = A aprovação em { $store } voltou em um navegador diferente daquele em que começou, por isso nada foi conectado. Comece de novo e fique em um só navegador.
verdict-wrong_store = Este link é para outra loja, e não para { $store }. Peça um link sem loja definida.
verdict-link_withdrawn = O link para { $store } foi retirado, por isso nada foi conectado. Peça um novo.

## Keys that were typed

half-key_empty = Copie aqui a chave do consumidor; ela começa com ck_.
half-secret_empty = Copie aqui o segredo do consumidor; ele começa com cs_.
half-key_is_secret = Esse é o segredo do consumidor. Aqui vai a chave do consumidor; ela começa com ck_.
half-secret_is_key = Essa é a chave do consumidor. Aqui vai o segredo do consumidor; ele começa com cs_.
half-shortened = Isso é só o final de uma chave, como a lista do WooCommerce mostra. Inteira ela aparece uma única vez, ao ser criada: crie uma nova.
half-key_shape = Isso não é uma chave do consumidor inteira: ck_ e 40 letras e números. Copie de novo.
half-secret_shape = Isso não é um segredo do consumidor inteiro: cs_ e 40 letras e números. Copie de novo.
by-hand-key_rejected = { $store } não conhece esta chave: ela foi criada em outra loja ou foi revogada. Crie uma nova nesta loja.
by-hand-secret_rejected = { $store } conhece esta chave, mas o segredo dela é outro. Copie o segredo de novo; se ele se perdeu, crie uma nova chave.
by-hand-role_lost = O usuário do WordPress a quem esta chave pertence não é administrador nem gerente de { $store }. Crie uma chave para um que seja.
by-hand-other_store = Esta chave pertence a outra loja, não a { $store }. Confira o endereço.
by-hand-scope_narrower = Esta chave permite em { $store } menos do que foi pedido, por isso algumas coisas não vão funcionar. Crie uma chave com todas as permissões pedidas e digite essa.
by-hand-scope_wider = Esta chave permite em { $store } mais do que foi pedido. Funciona; crie uma que permita menos se preferir.
