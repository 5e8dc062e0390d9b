# What merchants read, in Spanish. Names of menus and buttons are those of WordPress and WooCommerce in Spanish.

## Around every page

language = Idioma
need-help = ¿Necesita ayuda?
new-tab = (se abre en una pestaña nueva)
problem = Problema: { $title }
error-word = Error:
fact-store = Tienda
fact-account = Cuenta
for-support = Para el servicio de asistencia: { $code }
keys-menu = Ajustes → Avanzado → API REST
permalinks-menu = Ajustes → Enlaces permanentes
open-keys = Abrir las claves de { $store }
steps = Pasos
step-address = Dirección
step-approve = Aprobar
step-key = Clave
step-test = Prueba
step-connected = Conectada
step-done = (hecho)

## Begin

connect-title = Conectar su tienda
connect-again-title = Volver a conectar su tienda
connect-lead = Conecte su tienda WooCommerce con { $app }. Usted lo aprueba en su propia tienda; no hay que copiar ninguna clave.
connect-lead-account = Conecte su tienda WooCommerce con { $app }, cuenta { $account }. Usted lo aprueba en su propia tienda; no hay que copiar ninguna clave.
connect-whose = La tienda pertenecerá a la cuenta de { $app } para la que se creó este enlace. Continúe solo si ha empezado usted mismo en { $app } o si sabe quién le ha enviado el enlace.
why-title = Por qué es necesario
why-disconnected = { $store } se desconectó. Al volver a conectarla se crea una clave nueva.
why-works = La conexión con { $store } funciona. Al volver a conectarla se sustituye su clave.
news-connected = { $store } ya está conectada con { $app } mediante este enlace. No queda nada por hacer.
news-open = La conexión de { $store } se empezó con este enlace en otro navegador. Continúe allí o empiece aquí.
news-testing = { $store } se aprobó con este enlace en otro navegador, y su clave se está probando. Espere allí el resultado.
news-confirm = { $store } se aprobó con este enlace en otro navegador, donde falta una confirmación. Termine allí.
news-denied = La aprobación se denegó en { $store }, así que no se conectó nada. Puede intentarlo de nuevo aquí.
connect-another = Conectar otra tienda
connect-here = Empezar aquí
connect-stopped = Su tienda todavía no se puede conectar
connect-warned = Puede haber un obstáculo
connect-passable = Lo más probable es que su navegador pase por donde nuestra comprobación no pudo. Continúe; puede volver aquí.
for-host-title = Envíe esto a su proveedor de alojamiento
for-host-lead = Copie este texto en un mensaje a su proveedor de alojamiento o a quien se ocupe de la seguridad de su sitio.
for-host-copy = Copiar el texto
for-host-copied = Copiado
for-host-text = Por favor, permitan el paso de las solicitudes de { $app } a { $store }.
for-host-paths = Rutas: { $paths }
for-host-agent = Agente de usuario (User-Agent): { $agent }
for-host-addresses = Direcciones IP: { $addresses }
for-host-setting = Ajuste: { $setting }
connect-adopted = La dirección principal de su tienda es { $store }; usaremos esa.
connect-checking = Comprobando su tienda…
connect-checking-hint = Tarda unos segundos.
connect-checking-later = Su tienda tarda en responder. Seguimos esperándola; la comprobación puede durar hasta 30 segundos, y podrá continuar aunque no termine.
connect-address = Dirección de su tienda
connect-address-hint = Por ejemplo, shop.example.com; sirve cualquiera de sus páginas.
connect-button = Conectar la tienda
connect-check-again = Comprobar de nuevo
connect-go-on = Continuar de todos modos
approve-title = Lo que va a aprobar
approve-what = { $app } podrá { $may }.
approve-list = Su tienda le pedirá que dé a { $name } acceso de { $access }, que permite:
approve-kept = Su tienda crea una clave para ello. La guardamos cifrada y solo { $app } puede usarla. Nunca conocemos la contraseña de su tienda.
approve-revoke = Puede revocar la clave en cualquier momento, en WooCommerce, en { $menu }.
approve-ask = Si tiene preguntas, diríjase a { $app }.
approve-ask-link = ¿Preguntas? { $link }.
need-help-at = Obtenga ayuda de { $app }
create-webhooks = Crear webhooks
create-coupons = Crear cupones
create-customers = Crear clientes
create-orders = Crear pedidos
create-products = Crear productos
view-coupons = Ver cupones
view-customers = Ver clientes
view-orders = Ver pedidos e informes de ventas
view-products = Ver productos
manage-coupons = Ver y gestionar cupones
manage-customers = Ver y gestionar clientes
manage-orders = Ver y gestionar pedidos e informes de ventas
manage-products = Ver y gestionar productos
how-title = Cómo funciona
how-log-in = Su tienda le pide que inicie sesión. Debe ser administrador o gestor de la tienda.
how-check = Su tienda mostrará { $name } y { $host }. Compruebe ambos y pulse «Aprobar» (Approve).
how-back = Vuelve usted aquí y probamos la conexión.
log-in-first = ¿Usa su tienda un captcha, inicio de sesión en dos pasos o inicio de sesión único (SSO)? Primero inicie sesión en el wp-admin de su tienda en este navegador y después continúe aquí.
log-in-first-there = ¿Usa su tienda un captcha, inicio de sesión en dos pasos o inicio de sesión único (SSO)? { $link } y después continúe aquí.
log-in-first-link = Primero inicie sesión en el wp-admin de su tienda

## Send

send-title = Continuar en { $store }
send-heading = Le llevamos a { $store }
send-lead = Su tienda se abrirá sola en un momento. Inicie sesión si se lo pide y apruebe.
send-adopted = La dirección principal de su tienda es { $store }; usamos esa.
send-button = Continuar a { $store }
send-before = Antes de pulsar «Aprobar»
send-names = Su tienda mostrará { $name } y { $host }. Compruebe ambos. Pulse «Aprobar» para conectar o «Denegar» para cancelar.
send-stuck = ¿Se ha quedado atascado en su tienda? Vuelva a { $page }: allí se explica qué hacer con los errores habituales.
send-stuck-page = la página de esta conexión

## How an attempt stands

attempt-open = Esperando a { $store }
attempt-open-lead = Pulse «Aprobar» en { $store }. Si algo salió mal allí, la ayuda de abajo indica qué hacer. Esta página se actualiza automáticamente.
attempt-no-key = No nos ha llegado ninguna clave
attempt-no-key-lead = Su tienda indica que usted aprobó, pero no nos ha llegado ninguna clave. Probablemente la interceptó un cortafuegos o una redirección.
attempt-connecting = Conectando { $store }
attempt-received-lead = La clave ha llegado. La probamos en un momento; puede dejar esta página abierta.
attempt-proving-lead = Estamos preguntando a su tienda si la clave funciona. Tarda unos segundos; una tienda lenta puede necesitar dos minutos.
attempt-confirm = ¿Lo aprobó usted?
attempt-confirm-lead = La clave de { $store } funciona, pero ningún navegador volvió de la aprobación. No se conecta nada hasta que usted lo confirme.
attempt-confirm-lead-elsewhere = La clave de { $store } funciona, pero la aprobación volvió en otro navegador. No se conecta nada hasta que usted lo confirme.
attempt-trouble = La clave de { $store } aún no se ha podido probar
attempt-app = { $app } debe confirmar
attempt-app-lead = La clave funciona. { $app } conectará la tienda cuando haya comprobado que esta es su cuenta.
attempt-connected = { $store } está conectada
attempt-connected-lead = { $app } ya puede { $may }.
attempt-denied = Usted ha denegado el acceso
attempt-denied-lead = No se ha conectado nada. Si fue un error, inténtelo de nuevo y pulse «Aprobar» en { $store }.
attempt-failed = No se ha podido conectar { $store }
moved-to = Ahora indica la dirección { $address }.
attempt-expired = Este intento ha caducado
attempt-expired-lead = Nadie aprobó a tiempo en { $store }, así que no se ha conectado nada. Inténtelo de nuevo cuando tenga un minuto.
wait-keep = Su aprobación ha llegado; no hace falta aprobar otra vez. Seguimos intentándolo: al principio cada pocos segundos, mientras esta página esté abierta, y después con menos frecuencia, durante una hora aproximadamente.
wait-now = Intentar ahora
wait-now-busy = Intentando…
wait-host = Si no es algo que usted pueda cambiar, envíe la frase de arriba y el código de abajo a su proveedor de alojamiento o a quien se ocupe de su tienda.
new-key_lost = { $store } borró su nueva clave, porque nuestra respuesta no le llegó a tiempo. No se conectó nada. Inténtelo de nuevo; si vuelve a ocurrir, pregunte a su proveedor de alojamiento por qué las respuestas de fuera llegan tan tarde al servidor de la tienda.
new-key_rejected = { $store } no acepta la clave que acaba de crear. Probablemente lo impide una caché o un plugin de seguridad. Inténtelo de nuevo; si vuelve a ocurrir, envíe esto a su proveedor de alojamiento.
new-role_lost = El usuario de WordPress que aprobó en { $store } no puede leer los pedidos. Inténtelo de nuevo y apruebe como administrador o gestor de la tienda.
warning-rest_closed = { $store } cierra su API REST a los visitantes. Las claves suelen funcionar de todos modos: continúe y probaremos la suya. Si se rechaza, permita wc/v3 en su plugin de seguridad.

## What to do about it

no-key-title = Qué hacer ahora
no-key-remove = En WooCommerce, abra { $menu } y elimine la clave «{ $name }» más reciente.
no-key-again = Vuelva e inténtelo de nuevo.
no-key-host = Si vuelve a ocurrir, pida a su proveedor de alojamiento que permita al servidor de la tienda llegar a { $address } sin redirecciones.
confirm-only = Confirme solo si lo aprobó { $yourself }, y solo para su propia tienda.
confirm-only-yourself = usted mismo
confirm-yes = Sí, conectar
confirm-yes-busy = Conectando…
confirm-no = No, descartarla
throwing-away = Descartando la clave…
app-finish = Para terminar, vuelva a { $app }, donde tiene la sesión iniciada.
connected-close = Eso es todo. Puede cerrar esta página.
tidy-title = Poner orden en su tienda
tidy-keys = { $count ->
    [one] Su tienda también contiene una clave que no se usa.
   *[other] Su tienda también contiene { $count } claves que no se usan.
} En WooCommerce, abra { $menu } y elimine lo que termina en { $keys }.
tidy-former = La clave anterior, { $key }, ya no se necesita. Elimínela en { $page } de su tienda.
tidy-former-page = la página de la clave { $id }
key-in-use = La clave en uso termina en { $key }. Para terminar la conexión, elimine esa clave en su tienda, en { $menu }.
try-again = Intentar de nuevo
start-over = Empezar de nuevo
try-again-link = Para intentarlo de nuevo, abra otra vez el enlace que recibió o pida uno nuevo a { $app }.
go-on-to = Continuar a { $app }
back-to = Volver a { $app }

## Approved in another browser

elsewhere-title = Esta aprobación se inició en otro lugar
elsewhere-lead = Alguien empezó en otro navegador a conectar { $store } con { $app }. Todavía no se ha conectado nada.
elsewhere-lead-connected = Alguien empezó en otro navegador a conectar { $store } con { $app }. La tienda está conectada.
elsewhere-you = ¿Fue usted?
elsewhere-you-go = Vuelva al navegador o al dispositivo donde empezó. La conexión se termina allí.
elsewhere-you-done = Entonces ya está todo. Puede cerrar esta página.
elsewhere-other = ¿Le ha enviado aquí otra persona?
elsewhere-other-throw = Entonces quizá intenta acceder a su tienda. Díganoslo y descartamos la clave.
elsewhere-other-revoke = Entonces ahora puede acceder a su tienda. En WooCommerce, abra { $menu } y revoque la clave «{ $name }» más reciente.
elsewhere-not-me = No fui yo
disowned-title = La clave se ha descartado
disowned-lead = { $store } no está conectada con { $app }, y ya nadie puede usar esta aprobación.
disowned-left = Queda una cosa por hacer
disowned-revoke = Su tienda todavía muestra la clave. En WooCommerce, abra { $menu } y revoque la clave «{ $name }» más reciente.
disowned-revoke-key = Su tienda todavía muestra la clave. En WooCommerce, abra { $menu } y revoque la clave que termina en { $key }.

## What the store itself may say

trouble-title = ¿Su tienda muestra un error?
trouble-send = «…unable to send the consumer data»
trouble-send-do = Su tienda no pudo entregar la clave o no recibió nuestra respuesta a tiempo. Empiece de nuevo. Si persiste, pida a su proveedor de alojamiento que permita al servidor de la tienda llegar a { $address }.
trouble-blocked = «cURL error 6», «7» o «28», o «User has blocked requests through HTTP»
trouble-blocked-do = Su proveedor de alojamiento bloquea las peticiones salientes de la tienda. Pídale que permita https hacia { $host }, puerto 443, e inténtelo de nuevo.
trouble-certificate = «cURL error 60»
trouble-certificate-do = La lista de certificados de confianza del servidor de su tienda está anticuada. Pida a su proveedor de alojamiento que la renueve e inténtelo de nuevo.
trouble-url = «A valid URL was not provided» o «No se ha proporcionado una URL válida»
trouble-url-do = El servidor de su tienda no encuentra { $host }. Pida a su proveedor de alojamiento que revise su DNS para ese nombre e inténtelo de nuevo.
trouble-permission = «You do not have permission to access this page» o «No tienes permiso para acceder a esta página»
trouble-permission-do = Su sesión en la tienda ha caducado o la cuenta no tiene permiso para esto. Cierre la sesión en la tienda, iníciela de nuevo como administrador o gestor de la tienda e inténtelo de nuevo.
trouble-nonce = «Invalid nonce verification»
trouble-nonce-do = Su sesión en la tienda ha caducado o ha cambiado desde que se abrió la página. Inicie sesión de nuevo y pulse «Aprobar».
trouble-login = El inicio de sesión se rechaza aunque la contraseña es correcta
trouble-login-do = Un captcha o un inicio de sesión único (SSO) lo impide. { $link } y después inténtelo de nuevo aquí.
trouble-login-link = Primero inicie sesión en wp-admin
trouble-firewall = «403 Forbidden» o «406 Not Acceptable»
trouble-firewall-do = El cortafuegos de su proveedor de alojamiento bloquea el enlace de aprobación, porque contiene una dirección web. Pida a su proveedor que exima /wc-auth/ e inténtelo de nuevo.
trouble-page = «Página no encontrada», o simplemente la portada de la tienda
trouble-page-do = En WordPress, abra { $menu }, elija «Nombre de la entrada», pulse «Guardar cambios» e inténtelo de nuevo.

## By hand: where the operator allows it

by-hand-offer = Si la aprobación no funciona en su tienda, puede { $link }.
by-hand-offer-link = conectarla manualmente
by-hand-button = Conectar manualmente
by-hand-title = Conectar su tienda manualmente
by-hand-lead = Usted crea una clave en los ajustes de su tienda y la copia aquí. Lleva unos tres minutos.
by-hand-make = Crear la clave
by-hand-short = ¿Ya ha iniciado sesión en su tienda? { $link } le lleva directamente al paso 5.
by-hand-short-link = La página de su tienda para una clave nueva
by-hand-1 = Inicie sesión en el WordPress de su tienda, como administrador o gestor de la tienda.
by-hand-2 = En el menú de la izquierda, abra { $menu }.
by-hand-3 = Abra la pestaña { $tab } y, en ella, { $part }.
by-hand-4 = Pulse { $button }.
by-hand-5 = En { $field }, escriba { $name }.
by-hand-6 = Deje { $user } como está: es usted. En { $field }, elija { $permissions }.
by-hand-7 = Pulse { $button }.
by-hand-8 = Copie { $key } y { $secret } en los campos de abajo. Su tienda muestra la clave secreta solo esta vez: deje su página abierta hasta que ambas estén aquí.
by-hand-menu = WooCommerce → Ajustes
by-hand-tab = Avanzado
by-hand-part = API REST
by-hand-add = Añadir clave
by-hand-description = Descripción
by-hand-user = Usuario
by-hand-permissions = Permisos
by-hand-read = Lectura
by-hand-write = Escritura
by-hand-read_write = Lectura/Escritura
by-hand-generate = Generar clave de API
by-hand-drawn-1 = Dibujo: el formulario de acceso, con su botón señalado.
by-hand-drawn-2 = Dibujo: el menú oscuro de la izquierda, con WooCommerce abierto y Ajustes señalado.
by-hand-drawn-3 = Dibujo: una fila de pestañas con la última señalada y un enlace señalado debajo.
by-hand-drawn-4 = Dibujo: la lista de claves, con el botón de encima señalado.
by-hand-drawn-5 = Dibujo: un formulario de tres campos, con el primero señalado.
by-hand-drawn-6 = Dibujo: el mismo formulario, con el segundo y el tercer campo señalados.
by-hand-drawn-7 = Dibujo: el mismo formulario, con el botón de debajo señalado.
by-hand-drawn-8 = Dibujo: dos campos largos, ck_ y cs_, cada uno con un botón para copiarlo.
by-hand-paste = Introducir la clave
by-hand-key = Clave del cliente
by-hand-secret = Clave secreta del cliente
by-hand-begins = Empieza por { $prefix }
by-hand-wrong = Sus datos no se han aceptado. Vea los errores más abajo.
by-hand-not-kept = La clave y la clave secreta no se han guardado. Copie las dos otra vez.
by-hand-in-use = { $store } ya está conectada con esta misma clave. No queda nada por hacer.
by-hand-approve = ¿Prefiere no copiar nada? { $link }.
by-hand-approve-link = Apruebe en su tienda

## Contraseñas de aplicación: si el operador las permite y la aprobación no puede terminar

password-offer = Si su tienda no puede terminar la aprobación, puede { $link }.
password-offer-link = conectar con una contraseña de aplicación
password-button = Conectar con una contraseña de aplicación
password-title = Conectar con una contraseña de aplicación
password-lead = WordPress tiene su propia forma de aprobar { $app }: usted inicia sesión en { $store }, aprueba allí y su navegador trae una contraseña creada para esta conexión. Funciona donde la aprobación habitual no puede terminar.
password-may = Una contraseña de aplicación no tiene lista de permisos. Con ella, { $app } puede hacer todo lo que puede hacer el usuario de WordPress que aprueba. La de un administrador permite además cambiar usuarios, plugins y ajustes.
password-limit = Para dar menos acceso, inicie sesión en su tienda como gestor de la tienda en lugar de administrador.
password-names = Su tienda mostrará { $name } y una dirección que empieza por { $host }. Compruebe ambos y pulse «Sí, apruebo esta conexión».
password-twice = Si el inicio de sesión le lleva a otro sitio, vuelva aquí y continúe de nuevo a su tienda.
password-kept = Guardamos la contraseña cifrada y solo { $app } puede usarla. La contraseña con la que inicia sesión nunca nos llega.
password-revoke = Puede revocarla en cualquier momento en WordPress, en { $menu }.
password-menu = Usuarios → Perfil → Contraseñas de aplicación
password-approve = ¿Ya se resolvió el problema? { $link }.
password-open-lead = Pulse «Sí, apruebo esta conexión» en { $store }. Si el inicio de sesión le lleva a otro sitio, use de nuevo el botón de abajo. Esta página se actualiza sola.
password-denied = No ha aprobado la conexión
password-denied-lead = No se ha conectado nada. Si fue un error, inténtelo de nuevo y pulse «Sí, apruebo esta conexión» en { $store }.
password-connected-lead = { $app } ya puede hacer en { $store } todo lo que puede hacer el usuario de WordPress que aprobó.
password-in-use = La conexión usa la contraseña de aplicación { $name } del usuario que aprobó. Para terminarla, revóquela en su tienda, en { $menu }.
password-elsewhere-lead = Alguien empezó a conectar { $store } con { $app } en otro navegador. La aprobación volvió en este, así que no se ha conectado nada.
password-elsewhere-again = Si fue usted, empiece de nuevo y quédese en un solo navegador.
password-elsewhere-deleted = Hemos eliminado la nueva contraseña de aplicación en { $store }. No tiene que hacer nada más.
password-elsewhere-left = Es posible que { $store } aún muestre la nueva contraseña de aplicación. En WordPress, abra { $menu } y revoque la más reciente con el nombre { $name }.

## When a page cannot be shown

error-nothing-here = No encontrado
error-not-taken = Petición no aceptada
error-one-moment = Un momento, por favor
error-our-side = Algo ha ido mal
error-no = No ha funcionado
error-number = Si pide ayuda, indique este número: { $number }
error-connect = Conectar una tienda
link-gone-title = Este enlace ya no funciona
link-gone = Los enlaces para conectar una tienda funcionan durante un tiempo limitado. Compruebe que ha abierto el enlace completo.
link-gone-ask = Pida uno nuevo a { $app } o a quien le envió el enlace.
failure-address = No hay nada en esta dirección.
failure-method = Esta dirección no acepta ese tipo de petición.
failure-large = La petición es demasiado grande.
failure-late = La petición no llegó a tiempo. Envíela de nuevo.
failure-busy = El servicio está ocupado. Inténtelo de nuevo en unos segundos.
failure-unreadable = La petición no se puede leer.
failure-form = Lo que ha enviado su navegador no se puede leer. Abra la página de nuevo.
failure-broken = Algo ha ido mal por nuestra parte. Inténtelo de nuevo en un momento.
failure-broken-tell = Algo ha ido mal por nuestra parte. Inténtelo de nuevo en un momento; si persiste, indique al responsable del servicio el número de la petición.
failure-unavailable = El servicio está ocupado o no se puede acceder a su base de datos. Inténtelo de nuevo en unos segundos.
failure-cross-site = Este formulario se envió desde otro sitio y por eso no se ha aceptado. Abra la página de nuevo y envíelo desde allí.
failure-needs-link = Para conectar hace falta aquí un enlace. Pídaselo al responsable del servicio.
failure-other-browser = Esta página solo se abre en el navegador en el que empezó, y durante un día. Ábrala allí o empiece de nuevo con el enlace que recibió.
failure-network-limit = Han llegado demasiados intentos desde su red. Inténtelo de nuevo dentro de medio minuto. Para conectar muchas tiendas, pida un enlace al responsable del servicio: con él no se aplica este límite.
failure-link-limit = Este enlace se ha usado demasiadas veces en poco tiempo. Inténtelo de nuevo dentro de medio minuto.
failure-day-limit = Desde su red ya se han conectado tantas tiendas como esta página permite en un día. Pida un enlace al responsable del servicio: con él puede continuar enseguida.
failure-open-limit = En este momento se están conectando demasiadas tiendas a través de esta página. Espere un minuto e inténtelo de nuevo, o pida un enlace al responsable del servicio: con él puede continuar enseguida.
failure-limit = Ahora mismo se están comprobando muchas tiendas. Espere diez segundos e inténtelo de nuevo.

## What a key may do

scope-read = ver sus productos, pedidos y clientes, sin cambiar nada
scope-write = crear y modificar productos, pedidos y clientes, sin leerlos
scope-read_write = ver y modificar sus productos, pedidos y clientes

## Why an address is not a store's

address-empty = Escriba la dirección de su tienda, por ejemplo shop.example.com.
address-too_long = Esa dirección es demasiado larga. Escriba solo la dirección principal de su tienda, por ejemplo shop.example.com.
address-unreadable = Eso no parece una dirección web. Escriba la dirección principal de su tienda, por ejemplo shop.example.com.
address-userinfo = Quite la parte que va antes del signo @ y escriba solo la dirección de su tienda.
address-scheme = La dirección de una tienda empieza por https://. Escríbala tal como la ve en su navegador.
address-ip_address = Escriba el nombre de su tienda, por ejemplo shop.example.com, en lugar de una dirección numérica.
address-private_name = Esa dirección solo funciona dentro de su propia red. Escriba la dirección que usan sus clientes.
address-port = Quite el número que va después de los dos puntos: las tiendas deben responder en el puerto https habitual.

## What asking the store told us

verdict-works = { $store } está conectada.
verdict-key_rejected = { $store } ya no acepta la clave: se revocó, o se eliminó el usuario de WordPress que la aprobó. Vuelva a conectar la tienda.
verdict-secret_rejected = { $store } conoce la clave, pero rechaza su secreto. Vuelva a conectar la tienda.
verdict-role_lost = El usuario de WordPress que aprobó ya no es administrador ni gestor de la tienda en { $store }. Devuélvale ese perfil o vuelva a conectar con una cuenta que lo tenga.
verdict-scope_narrower = { $store } concedió menos de lo que se pidió, así que algunas cosas no funcionarán. Vuelva a conectar y deje la página de aprobación como está.
verdict-scope_wider = { $store } concedió más de lo que se pidió. Funciona; vuelva a conectar si quiere que la clave permita menos.
verdict-key_not_saved = { $store } envió una clave que no guardó, normalmente porque una tabla de la base de datos está llena o anticuada. Actualice WooCommerce e inténtelo de nuevo.
verdict-key_unreadable = No podemos leer nuestra copia de la clave de { $store }: su registro se dañó o se modificó, por lo que la clave no se usa. El responsable del servicio puede restaurar el registro desde una copia de seguridad; si no, vuelva a conectar la tienda.
verdict-header_stripped = El servidor de { $store } elimina la clave antes de que llegue a WooCommerce. Pida a su proveedor de alojamiento que pase la cabecera Authorization a PHP e inténtelo de nuevo.
verdict-https_hidden = El servidor de { $store } oculta https a WordPress, por lo que WooCommerce ignora la clave. Pida a su proveedor de alojamiento que defina HTTPS para PHP detrás de su proxy e inténtelo de nuevo.
verdict-clock_off = El reloj de { $store } y el nuestro difieren en más de quince minutos, por lo que la tienda rechaza las solicitudes firmadas. Pida a su proveedor de alojamiento que ajuste el reloj del servidor e inténtelo de nuevo.
verdict-other_store = La clave pertenece a otra tienda y no a { $store }. Vuelva a conectar y apruebe en la propia { $store }.
verdict-moved = { $store } tiene una dirección nueva. Vuelva a conectar con la dirección que la tienda tiene ahora.
verdict-clone_suspected = { $store } indica otra dirección como propia, y allí también responde una tienda: una de las dos puede ser una copia. Vuelva a conectar con la dirección que usan sus clientes, o corrija la dirección del sitio en WordPress, en Ajustes → Generales.
verdict-application_passwords_off = Las contraseñas de aplicación están desactivadas en { $store }. Wordfence lo hace de forma predeterminada: Wordfence → All Options → Brute Force Protection → Disable WordPress application passwords. Permítalas allí o en su plugin de seguridad e inténtelo de nuevo.
verdict-user_gone = El usuario de WordPress que aprobó ya no existe en { $store }. Vuelva a conectar como administrador o gestor de la tienda.
verdict-blocked_by_cloudflare = Cloudflare bloquea nuestro servidor en { $store }. En Cloudflare, añada una regla que omita /wp-json/ y /wc-auth/, o desactive Bot Fight Mode, e inténtelo de nuevo.
verdict-blocked_by_sucuri = Sucuri bloquea nuestro servidor en { $store }. En Sucuri, permita nuestra dirección para /wp-json/ y /wc-auth/ e inténtelo de nuevo.
verdict-blocked_by_siteground = La comprobación de bots de SiteGround bloquea nuestro servidor en { $store }. Pida al soporte de SiteGround que permita nuestra dirección e inténtelo de nuevo.
verdict-blocked_by_wordfence = El plugin Wordfence bloquea nuestro servidor en { $store }. En Wordfence, permita nuestra dirección en «Firewall» e inténtelo de nuevo.
verdict-blocked_by_imunify360 = Imunify360 bloquea nuestro servidor en { $store }. Pida a su proveedor de alojamiento que permita nuestra dirección e inténtelo de nuevo.
verdict-blocked_by_aws_waf = AWS WAF está bloqueando nuestro servidor en { $store }. Pida a quien administra la cuenta de AWS de la tienda que permita nuestra dirección para /wp-json/ y /wc-auth/ e inténtelo de nuevo.
verdict-blocked_by_imperva = Imperva está bloqueando nuestro servidor en { $store }. En Imperva, permita nuestra dirección para /wp-json/ y /wc-auth/ e inténtelo de nuevo.
verdict-blocked_by_bot_check = Una comprobación de bots en { $store } deja pasar a los navegadores, pero no a nuestro servidor. Pida a su proveedor de alojamiento que permita nuestra dirección para /wp-json/ y /wc-auth/ e inténtelo de nuevo.
verdict-blocked_by_modsecurity = Una regla de ModSecurity de su proveedor de alojamiento bloquea { $store }. Pídale que exima /wc-auth/ y /wp-json/ (reglas contra direcciones web en los parámetros) e inténtelo de nuevo.
verdict-blocked_by_solid_security = El plugin Solid Security restringe la API REST de { $store }. En WordPress, abra Security → Settings → Advanced → WordPress Tweaks, ponga REST API en «Default Access» e inténtelo de nuevo.
verdict-blocked_by_all_in_one_security = El plugin All-In-One Security rechaza las solicitudes REST en { $store }. En WordPress, abra WP Security → Firewall → PHP rules, desactive «Disallow unauthorized REST requests» e inténtelo de nuevo.
verdict-blocked_by_disable_rest_api = El plugin Disable REST API cierra la API REST de { $store }. En WordPress, en Ajustes → Disable REST API, permita /wc/v3 a los usuarios no identificados e inténtelo de nuevo.
verdict-blocked_by_birim_rest_lock = El plugin Birim REST Lock bloquea la API REST de { $store }. En los ajustes de ese plugin, permita wc/v3 e inténtelo de nuevo.
verdict-blocked_by_duo = El plugin de Duo pide un segundo factor antes de que responda la API de { $store }. Pida a su administrador que exima /wp-json/ en Duo e inténtelo de nuevo.
verdict-blocked_by_defensive_mode = El Defensive Mode del alojamiento de { $store } (Pressable, WordPress.com, WP Cloud) bloquea nuestro servidor. Desactive el Defensive Mode en el panel de su alojamiento e inténtelo de nuevo.
verdict-blocked_by_firewall = Un cortafuegos bloquea nuestro servidor en { $store }. Pida a su proveedor de alojamiento que permita nuestra dirección para /wp-json/ y /wc-auth/ e inténtelo de nuevo.
verdict-rest_closed = Un plugin de seguridad bloquea la API REST de { $store }. Permita wc/v3 en ese plugin e inténtelo de nuevo.
verdict-not_public = { $store } es privada o aún no está publicada, así que solo pueden verla sus miembros. Publique el sitio en WordPress.com, en Ajustes → General, e inténtelo de nuevo.
verdict-login_wall = { $store } pide una contraseña a los visitantes o les muestra antes otra página. Desactívelo para /wp-json/ y /wc-auth/ e inténtelo de nuevo.
verdict-maintenance = { $store } está en modo de mantenimiento. Inténtelo de nuevo cuando la tienda esté abierta.
verdict-server_error = { $store } respondió con un error del servidor. Inténtelo de nuevo en unos minutos; si persiste, pregunte a su proveedor de alojamiento.
verdict-rate_limited = { $store } nos ha pedido que vayamos más despacio. Inténtelo de nuevo en unos minutos.
verdict-dns_failed = No hemos encontrado { $store }. Compruebe que la dirección esté bien escrita.
verdict-private_address = { $store } lleva a una dirección dentro de una red privada. Escriba la dirección que usan sus clientes.
verdict-connect_failed = Nadie responde en { $store }. Compruebe la dirección o pregunte a su proveedor de alojamiento si la tienda está en marcha.
verdict-tls_failed = El certificado de { $store } no es de confianza: ha caducado, está incompleto o es para otro nombre. Pida a su proveedor de alojamiento que lo renueve e inténtelo de nuevo.
verdict-tls_outdated = El servidor de { $store } solo ofrece cifrado obsoleto (TLS 1.1 o anterior, o cifrados antiguos). Pida a su proveedor de alojamiento que active TLS 1.2 o posterior con ECDHE e inténtelo de nuevo.
verdict-timed_out = { $store } no respondió a tiempo. Inténtelo de nuevo en un minuto; si sigue lenta, pregunte a su proveedor de alojamiento.
verdict-answer_unreadable = { $store } dio una respuesta que no es de WordPress. Compruebe que esta es la dirección de la propia tienda.
verdict-no_https = { $store } no tiene https, así que las claves viajarían sin protección. Active https en WordPress, en Ajustes → Generales, e inténtelo de nuevo.
verdict-no_wordpress = No hemos encontrado WordPress en { $store }. ¿Es esta la dirección de la propia tienda?
verdict-no_woocommerce = WordPress está en { $store }, pero WooCommerce 3.5 o posterior no está activo. Active el plugin WooCommerce e inténtelo de nuevo.
verdict-plain_permalinks = { $store } usa enlaces permanentes de tipo «Simple». En WordPress, abra Ajustes → Enlaces permanentes, elija «Nombre de la entrada», pulse «Guardar cambios» e inténtelo de nuevo.
verdict-index_permalinks = Los enlaces de { $store } pasan por index.php, y así la página de aprobación de WooCommerce no puede terminar. Pida a su proveedor de alojamiento que active la reescritura de URL e inténtelo de nuevo.
verdict-permalinks_stale = La página de aprobación de WooCommerce no se encuentra en { $store }. En WordPress, abra Ajustes → Enlaces permanentes, pulse una vez «Guardar cambios» e inténtelo de nuevo.
verdict-approval_misdirected = La página de aprobación de WooCommerce en { $store } lleva a otra dirección. Compruebe la dirección de WordPress y la dirección del sitio en Ajustes → Generales.
verdict-approval_cached = Una caché de { $store } responde a la página de aprobación de WooCommerce con otra solicitud. Pida a su proveedor de alojamiento que excluya /wc-auth/ y /wp-json/ de la caché e inténtelo de nuevo.
verdict-noisy_answer = { $store } escribe otro texto alrededor de sus respuestas. Funciona, pero pida a su desarrollador que desactive la visualización de errores de PHP y los comentarios de los plugins de caché.
verdict-slow = { $store } funciona, pero tarda más de diez segundos en responder. Pregunte a su proveedor de alojamiento qué la ralentiza.
verdict-denied = Usted denegó el acceso en { $store }; no se ha conectado nada.
verdict-not_finished = Nadie aprobó a tiempo en { $store }; no se ha conectado nada.
verdict-not_confirmed = La clave de { $store } funcionaba, pero la aprobación no se confirmó a tiempo; no se ha conectado nada. Empiece de nuevo.
verdict-disowned = La aprobación en { $store } se notificó como un error; no se ha conectado nada.
verdict-approved_elsewhere = La aprobación en { $store } volvió en otro navegador distinto del que empezó, así que no se ha conectado nada. Empiece de nuevo y quédese en un solo navegador.
verdict-wrong_store = Este enlace es para otra tienda y no para { $store }. Pida un enlace sin tienda fijada.
verdict-link_withdrawn = El enlace para { $store } se ha retirado, así que no se ha conectado nada. Pida uno nuevo.

## Keys that were typed

half-key_empty = Copie aquí la clave del cliente; empieza por ck_.
half-secret_empty = Copie aquí la clave secreta del cliente; empieza por cs_.
half-key_is_secret = Esa es la clave secreta. Aquí va la clave del cliente; empieza por ck_.
half-secret_is_key = Esa es la clave del cliente. Aquí va la clave secreta; empieza por cs_.
half-shortened = Eso es solo el final de una clave, tal como la muestra la lista de WooCommerce. Entera se ve una sola vez, al crearla: cree una nueva.
half-key_shape = Eso no es una clave del cliente entera: ck_ y 40 letras y cifras. Cópiela otra vez.
half-secret_shape = Eso no es una clave secreta entera: cs_ y 40 letras y cifras. Cópiela otra vez.
by-hand-key_rejected = { $store } no conoce esta clave: se creó en otra tienda o está revocada. Cree una nueva en esta.
by-hand-secret_rejected = { $store } conoce esta clave, pero su clave secreta es otra. Cópiela otra vez; si se ha perdido, cree una clave nueva.
by-hand-role_lost = El usuario de WordPress al que pertenece esta clave no es administrador ni gestor de { $store }. Cree una clave para uno que lo sea.
by-hand-other_store = Esta clave pertenece a otra tienda, no a { $store }. Compruebe la dirección.
by-hand-scope_narrower = Esta clave permite en { $store } menos de lo que se pide, así que algunas cosas no funcionarán. Cree una clave con todos los permisos que se piden e introdúzcala.
by-hand-scope_wider = Esta clave permite en { $store } más de lo que se pide. Funciona; cree una que permita menos si lo prefiere.
