# What merchants read, in French. Names of menus and buttons are those of WordPress and WooCommerce in French.

## Around every page

language = Langue
need-help = Besoin d’aide ?
new-tab = (s’ouvre dans un nouvel onglet)
problem = Problème : { $title }
error-word = Erreur :
fact-store = Boutique
fact-account = Compte
for-support = Pour l’assistance : { $code }
keys-menu = Réglages → Avancé → API REST
permalinks-menu = Réglages → Permaliens
open-keys = Ouvrir les clés de { $store }
steps = Étapes
step-address = Adresse
step-approve = Approbation
step-key = Clé
step-test = Test
step-connected = Connectée
step-done = (fait)

## Begin

connect-title = Connecter votre boutique
connect-again-title = Reconnecter votre boutique
connect-lead = Connectez votre boutique WooCommerce à { $app }. Vous approuvez sur votre propre boutique ; il n’y a aucune clé à copier.
connect-lead-account = Connectez votre boutique WooCommerce à { $app }, compte { $account }. Vous approuvez sur votre propre boutique ; il n’y a aucune clé à copier.
connect-whose = La boutique appartiendra au compte { $app } pour lequel ce lien a été créé. Ne continuez que si vous avez commencé vous-même dans { $app }, ou si vous savez qui vous a envoyé le lien.
why-title = Pourquoi c’est nécessaire
why-disconnected = { $store } a été déconnectée. La reconnecter crée une nouvelle clé.
why-works = La connexion à { $store } fonctionne. La reconnecter remplace sa clé.
news-connected = { $store } est déjà connectée à { $app } avec ce lien. Il n’y a plus rien à faire.
news-open = La connexion de { $store } a été commencée avec ce lien dans un autre navigateur. Continuez là-bas, ou commencez ici.
news-testing = { $store } a été approuvée avec ce lien dans un autre navigateur, et sa clé est en cours de test. Attendez le résultat là-bas.
news-confirm = { $store } a été approuvée avec ce lien dans un autre navigateur, où il manque encore une confirmation. Terminez là-bas.
news-denied = L’approbation a été refusée sur { $store } ; rien n’a été connecté. Vous pouvez réessayer ici.
connect-another = Connecter une autre boutique
connect-here = Commencer ici
connect-stopped = Votre boutique ne peut pas encore être connectée
connect-warned = Quelque chose pourrait bloquer
connect-passable = Votre navigateur passera probablement là où notre vérification a échoué. Continuez ; vous pourrez revenir ici.
for-host-title = Envoyez ceci à votre hébergeur
for-host-lead = Copiez ce texte dans un message à votre hébergeur ou à la personne qui s’occupe de la sécurité de votre site.
for-host-copy = Copier le texte
for-host-copied = Copié
for-host-text = Merci de laisser passer les requêtes de { $app } vers { $store }.
for-host-paths = Chemins : { $paths }
for-host-agent = User-Agent : { $agent }
for-host-addresses = Adresses IP : { $addresses }
for-host-setting = Réglage : { $setting }
connect-adopted = L’adresse principale de votre boutique est { $store } ; c’est celle que nous utiliserons.
connect-checking = Vérification de votre boutique…
connect-checking-hint = Cela prend quelques secondes.
connect-checking-later = Votre boutique répond lentement. Nous l’attendons encore ; la vérification prend jusqu’à 30 secondes, et vous pourrez continuer même si elle n’aboutit pas.
connect-address = Adresse de votre boutique
connect-address-hint = Par exemple shop.example.com ; n’importe laquelle de ses pages convient.
connect-button = Connecter la boutique
connect-check-again = Vérifier à nouveau
connect-go-on = Continuer quand même
approve-title = Ce que vous approuvez
approve-what = { $app } pourra { $may }.
approve-list = Votre boutique vous demandera de donner à { $name } l’accès { $access }, qui permet de :
approve-kept = Votre boutique crée une clé pour cela. Nous la conservons chiffrée, et seul { $app } peut l’utiliser. Nous ne connaissons jamais le mot de passe de votre boutique.
approve-revoke = Vous pouvez révoquer la clé à tout moment, dans WooCommerce sous { $menu }.
approve-ask = Pour toute question, adressez-vous à { $app }.
approve-ask-link = Des questions ? { $link }.
need-help-at = Obtenir de l’aide de { $app }
create-webhooks = Créer des webhooks
create-coupons = Créer des codes promo
create-customers = Créer des clients
create-orders = Créer des commandes
create-products = Créer des produits
view-coupons = Voir les codes promo
view-customers = Voir les clients
view-orders = Voir les commandes et les rapports de ventes
view-products = Voir les produits
manage-coupons = Voir et gérer les codes promo
manage-customers = Voir et gérer les clients
manage-orders = Voir et gérer les commandes et les rapports de ventes
manage-products = Voir et gérer les produits
how-title = Fonctionnement
how-log-in = Votre boutique vous demande de vous connecter. Vous devez être administrateur ou gestionnaire de boutique.
how-check = Votre boutique affichera { $name } et { $host }. Vérifiez les deux, puis cliquez sur « Approuver » (Approve).
how-back = Vous revenez ici, et nous testons la connexion.
log-in-first = Votre boutique utilise-t-elle un captcha, une double authentification ou une authentification unique (SSO) ? Connectez-vous d’abord au wp-admin de votre boutique dans ce navigateur, puis continuez ici.
log-in-first-there = Votre boutique utilise-t-elle un captcha, une double authentification ou une authentification unique (SSO) ? { $link }, puis continuez ici.
log-in-first-link = Connectez-vous d’abord au wp-admin de votre boutique

## Send

send-title = Continuer sur { $store }
send-heading = Nous vous dirigeons vers { $store }
send-lead = Votre boutique s’ouvre d’elle-même dans un instant. Connectez-vous si elle vous le demande, et approuvez.
send-adopted = L’adresse principale de votre boutique est { $store } ; c’est celle que nous utilisons.
send-button = Continuer vers { $store }
send-before = Avant de cliquer sur « Approuver »
send-names = Votre boutique affichera { $name } et { $host }. Vérifiez les deux. Cliquez sur « Approuver » pour connecter, ou sur « Refuser » pour arrêter.
send-stuck = Bloqué sur votre boutique ? Revenez à { $page } : vous y trouverez de l’aide pour les erreurs courantes.
send-stuck-page = la page de cette connexion

## How an attempt stands

attempt-open = En attente de { $store }
attempt-open-lead = Cliquez sur « Approuver » sur { $store }. En cas de problème, l’aide ci-dessous indique quoi faire. Cette page se met à jour automatiquement.
attempt-no-key = Aucune clé ne nous est parvenue
attempt-no-key-lead = Votre boutique indique que vous avez approuvé, mais aucune clé ne nous est parvenue. Un pare-feu ou une redirection l’a probablement interceptée.
attempt-connecting = Connexion de { $store }
attempt-received-lead = La clé est arrivée. Nous la testons dans un instant ; vous pouvez laisser cette page ouverte.
attempt-proving-lead = Nous demandons à votre boutique si la clé fonctionne. Cela prend quelques secondes, jusqu’à deux minutes pour une boutique lente.
attempt-confirm = Est-ce vous qui avez approuvé ?
attempt-confirm-lead = La clé de { $store } fonctionne, mais aucun navigateur n’est revenu de l’approbation. Rien n’est connecté tant que vous ne l’avez pas confirmé.
attempt-confirm-lead-elsewhere = La clé de { $store } fonctionne, mais l’approbation est revenue dans un autre navigateur. Rien n’est connecté tant que vous ne l’avez pas confirmé.
attempt-trouble = La clé de { $store } n’a pas encore pu être testée
attempt-app = { $app } doit confirmer
attempt-app-lead = La clé fonctionne. { $app } connectera la boutique après avoir vérifié qu’il s’agit bien de votre compte.
attempt-connected = { $store } est connectée
attempt-connected-lead = { $app } peut maintenant { $may }.
attempt-denied = Vous avez refusé
attempt-denied-lead = Rien n’a été connecté. Si c’était une erreur, réessayez et cliquez sur « Approuver » sur { $store }.
attempt-failed = { $store } n’a pas pu être connectée
moved-to = Elle indique maintenant l’adresse { $address }.
attempt-expired = Cette tentative a expiré
attempt-expired-lead = Personne n’a approuvé à temps sur { $store } ; rien n’a donc été connecté. Réessayez quand vous aurez une minute.
wait-keep = Votre approbation est arrivée ; inutile d’approuver à nouveau. Nous continuons d’essayer : d’abord toutes les quelques secondes, tant que cette page est ouverte, puis moins souvent, pendant environ une heure.
wait-now = Essayer maintenant
wait-now-busy = Essai en cours…
wait-host = Si vous ne pouvez rien y changer, envoyez la phrase ci-dessus et le code ci-dessous à votre hébergeur, ou à la personne qui s’occupe de votre boutique.
new-key_lost = { $store } a supprimé sa nouvelle clé, car notre réponse ne lui est pas parvenue à temps. Rien n’a été connecté. Réessayez ; si cela se reproduit, demandez à votre hébergeur pourquoi les réponses de l’extérieur parviennent si tard au serveur de la boutique.
new-key_rejected = { $store } n’accepte pas la clé que la boutique vient de créer. Un cache ou une extension de sécurité en est probablement la cause. Réessayez ; si cela se reproduit, envoyez ceci à votre hébergeur.
new-role_lost = Le compte WordPress qui a approuvé sur { $store } n’a pas le droit de lire les commandes. Réessayez, et approuvez en tant qu’administrateur ou gestionnaire de boutique.
warning-rest_closed = { $store } ferme son API REST aux visiteurs. Les clés fonctionnent souvent quand même : continuez, et nous testerons la vôtre. Si elle est refusée, autorisez wc/v3 dans votre extension de sécurité.

## What to do about it

no-key-title = Que faire maintenant
no-key-remove = Dans WooCommerce, ouvrez { $menu } et supprimez la clé « { $name } » la plus récente.
no-key-again = Revenez et réessayez.
no-key-host = Si cela se reproduit, demandez à votre hébergeur de laisser le serveur de la boutique joindre { $address } sans redirection.
confirm-only = Ne confirmez que si vous avez approuvé { $yourself }, et uniquement pour votre propre boutique.
confirm-only-yourself = vous-même
confirm-yes = Oui, connecter
confirm-yes-busy = Connexion…
confirm-no = Non, rejeter la clé
throwing-away = Rejet de la clé…
app-finish = Pour terminer, retournez dans { $app }, où vous êtes connecté.
connected-close = C’est tout. Vous pouvez fermer cette page.
tidy-title = Faire le ménage dans votre boutique
tidy-keys = { $count ->
    [one] Votre boutique contient aussi une clé qui ne sert pas.
   *[other] Votre boutique contient aussi { $count } clés qui ne servent pas.
} Dans WooCommerce, ouvrez { $menu } et supprimez ce qui se termine par { $keys }.
tidy-former = L’ancienne clé { $key } n’est plus nécessaire. Supprimez-la sur { $page } de votre boutique.
tidy-former-page = la page de la clé { $id }
key-in-use = La clé utilisée se termine par { $key }. Pour mettre fin à la connexion, supprimez-la dans votre boutique sous { $menu }.
try-again = Réessayer
start-over = Recommencer
try-again-link = Pour réessayer, ouvrez encore une fois le lien que vous avez reçu, ou demandez-en un nouveau à { $app }.
go-on-to = Continuer vers { $app }
back-to = Retour à { $app }

## Approved in another browser

elsewhere-title = Cette approbation a commencé ailleurs
elsewhere-lead = Quelqu’un a commencé, dans un autre navigateur, à connecter { $store } à { $app }. Rien n’est encore connecté.
elsewhere-lead-connected = Quelqu’un a commencé, dans un autre navigateur, à connecter { $store } à { $app }. La boutique est connectée.
elsewhere-you = Était-ce vous ?
elsewhere-you-go = Retournez dans le navigateur, ou sur l’appareil, où vous avez commencé. La connexion s’y termine.
elsewhere-you-done = Alors tout est fait. Vous pouvez fermer cette page.
elsewhere-other = Quelqu’un d’autre vous a envoyé ici ?
elsewhere-other-throw = Cette personne essaie peut-être d’accéder à votre boutique. Dites-le-nous, et nous rejetterons la clé.
elsewhere-other-revoke = Cette personne peut maintenant accéder à votre boutique. Dans WooCommerce, ouvrez { $menu } et révoquez la clé « { $name } » la plus récente.
elsewhere-not-me = Ce n’était pas moi
disowned-title = La clé a été rejetée
disowned-lead = { $store } n’est pas connectée à { $app }, et plus personne ne peut utiliser cette approbation.
disowned-left = Il reste une chose à faire
disowned-revoke = La clé figure encore dans votre boutique. Dans WooCommerce, ouvrez { $menu } et révoquez la clé « { $name } » la plus récente.
disowned-revoke-key = La clé figure encore dans votre boutique. Dans WooCommerce, ouvrez { $menu } et révoquez la clé qui se termine par { $key }.

## What the store itself may say

trouble-title = Votre boutique affiche une erreur ?
trouble-send = « …unable to send the consumer data »
trouble-send-do = Votre boutique n’a pas pu transmettre la clé, ou n’a pas reçu notre réponse à temps. Recommencez depuis le début. Si l’erreur persiste, demandez à votre hébergeur de laisser le serveur de la boutique joindre { $address }.
trouble-blocked = « cURL error 6 », « 7 » ou « 28 », ou « User has blocked requests through HTTP »
trouble-blocked-do = Votre hébergeur bloque les requêtes sortantes de la boutique. Demandez-lui d’autoriser https vers { $host }, port 443, puis réessayez.
trouble-certificate = « cURL error 60 »
trouble-certificate-do = La liste des certificats de confiance du serveur de votre boutique est périmée. Demandez à votre hébergeur de la renouveler, puis réessayez.
trouble-url = « A valid URL was not provided » ou « Une URL valide n’a pas été fournie »
trouble-url-do = Le serveur de votre boutique ne trouve pas { $host }. Demandez à votre hébergeur de vérifier son DNS pour ce nom, puis réessayez.
trouble-permission = « You do not have permission to access this page » ou « Vous n’avez pas l’autorisation d’accéder à cette page »
trouble-permission-do = Votre session sur la boutique a expiré, ou le compte n’a pas ce droit. Déconnectez-vous de la boutique, reconnectez-vous en tant qu’administrateur ou gestionnaire de boutique, puis réessayez.
trouble-nonce = « Invalid nonce verification »
trouble-nonce-do = Votre session sur la boutique a expiré ou changé depuis l’ouverture de la page. Reconnectez-vous, puis cliquez sur « Approuver ».
trouble-login = La connexion est refusée alors que le mot de passe est juste
trouble-login-do = Un captcha ou une authentification unique (SSO) bloque. { $link }, puis réessayez ici.
trouble-login-link = Connectez-vous d’abord à wp-admin
trouble-firewall = « 403 Forbidden » ou « 406 Not Acceptable »
trouble-firewall-do = Le pare-feu de votre hébergeur bloque le lien d’approbation, parce qu’il contient une adresse web. Demandez à votre hébergeur d’exempter /wc-auth/, puis réessayez.
trouble-page = « Page introuvable », ou simplement la page d’accueil de la boutique
trouble-page-do = Dans WordPress, ouvrez { $menu }, choisissez « Titre de la publication » (Post name), cliquez sur « Enregistrer les modifications », puis réessayez.

## By hand: where the operator allows it

by-hand-offer = Si l’approbation ne fonctionne pas sur votre boutique, vous pouvez { $link }.
by-hand-offer-link = la connecter manuellement
by-hand-button = Connecter manuellement
by-hand-title = Connecter votre boutique manuellement
by-hand-lead = Vous créez une clé dans les réglages de votre boutique et vous la copiez ici. Cela prend environ trois minutes.
by-hand-make = Créer la clé
by-hand-short = Déjà connecté à votre boutique ? { $link } vous mène directement à l’étape 5.
by-hand-short-link = La page de votre boutique pour une nouvelle clé
by-hand-1 = Connectez-vous au WordPress de votre boutique, en tant qu’administrateur ou gestionnaire de boutique.
by-hand-2 = Dans le menu de gauche, ouvrez { $menu }.
by-hand-3 = Ouvrez l’onglet { $tab }, puis { $part }.
by-hand-4 = Cliquez sur { $button }.
by-hand-5 = Sous { $field }, saisissez { $name }.
by-hand-6 = Laissez { $user } tel quel : c’est vous. Sous { $field }, choisissez { $permissions }.
by-hand-7 = Cliquez sur { $button }.
by-hand-8 = Copiez { $key } et { $secret } dans les champs ci-dessous. Votre boutique n’affiche le secret que cette fois-ci : laissez sa page ouverte jusqu’à ce que les deux soient ici.
by-hand-menu = WooCommerce → Réglages
by-hand-tab = Avancé
by-hand-part = API REST
by-hand-add = Ajouter une clé
by-hand-description = Description
by-hand-user = Utilisateur
by-hand-permissions = Autorisations
by-hand-read = Lecture
by-hand-write = Écriture
by-hand-read_write = Lecture/Écriture
by-hand-generate = Générer une clé API
by-hand-drawn-1 = Dessin : le formulaire de connexion, dont le bouton est signalé.
by-hand-drawn-2 = Dessin : le menu sombre à gauche, où WooCommerce est ouvert et Réglages est signalé.
by-hand-drawn-3 = Dessin : une rangée d’onglets dont le dernier est signalé, et un lien signalé en dessous.
by-hand-drawn-4 = Dessin : la liste des clés, avec le bouton signalé au-dessus.
by-hand-drawn-5 = Dessin : un formulaire de trois champs, dont le premier est signalé.
by-hand-drawn-6 = Dessin : le même formulaire, dont le deuxième et le troisième champ sont signalés.
by-hand-drawn-7 = Dessin : le même formulaire, avec le bouton signalé en dessous.
by-hand-drawn-8 = Dessin : deux longs champs, ck_ et cs_, chacun avec un bouton pour le copier.
by-hand-paste = Saisir la clé
by-hand-key = Clé client
by-hand-secret = Secret client
by-hand-begins = Commence par { $prefix }
by-hand-wrong = Vos saisies n’ont pas été acceptées. Voyez les erreurs ci-dessous.
by-hand-not-kept = La clé et le secret n’ont pas été enregistrés. Copiez-les de nouveau tous les deux.
by-hand-in-use = { $store } est déjà connectée avec cette clé. Il n’y a plus rien à faire.
by-hand-approve = Vous préférez ne rien copier ? { $link }.
by-hand-approve-link = Approuvez plutôt sur votre boutique

## Mots de passe d’application : si l’exploitant les autorise et que l’approbation ne peut pas aboutir

password-offer = Si votre boutique ne peut pas terminer l’approbation, vous pouvez { $link }.
password-offer-link = vous connecter avec un mot de passe d’application
password-button = Connecter avec un mot de passe d’application
password-title = Connecter avec un mot de passe d’application
password-lead = WordPress a sa propre façon d’approuver { $app } : vous vous connectez à { $store }, vous y approuvez, et votre navigateur rapporte un mot de passe créé pour cette connexion. Cela fonctionne là où l’approbation habituelle ne peut pas aboutir.
password-may = Un mot de passe d’application n’a pas de liste d’autorisations. Avec lui, { $app } peut faire tout ce que peut faire le compte WordPress qui approuve. Celui d’un administrateur permet aussi de modifier les comptes, les extensions et les réglages.
password-limit = Pour donner moins d’accès, connectez-vous à votre boutique comme gestionnaire de boutique plutôt que comme administrateur.
password-names = Votre boutique affichera { $name } et une adresse qui commence par { $host }. Vérifiez les deux, puis cliquez sur « Oui, j’approuve cette connexion ».
password-twice = Si la connexion à la boutique vous mène ailleurs, revenez ici et continuez de nouveau vers votre boutique.
password-kept = Nous conservons ce mot de passe chiffré, et seule l’application { $app } peut l’utiliser. Le mot de passe avec lequel vous vous connectez ne nous parvient jamais.
password-revoke = Vous pouvez le révoquer à tout moment dans WordPress sous { $menu }.
password-menu = Comptes → Profil → Mots de passe d’application
password-approve = Le problème est résolu ? { $link }.
password-open-lead = Cliquez sur « Oui, j’approuve cette connexion » sur { $store }. Si la connexion vous mène ailleurs, utilisez de nouveau le bouton ci-dessous. Cette page se met à jour automatiquement.
password-denied = Vous n’avez pas approuvé
password-denied-lead = Rien n’a été connecté. Si c’était une erreur, réessayez et cliquez sur « Oui, j’approuve cette connexion » sur { $store }.
password-connected-lead = { $app } peut désormais faire sur { $store } tout ce que peut faire le compte WordPress qui a approuvé.
password-in-use = La connexion utilise le mot de passe d’application { $name } du compte qui a approuvé. Pour y mettre fin, révoquez-le dans votre boutique sous { $menu }.
password-elsewhere-lead = Quelqu’un a commencé à connecter { $store } à { $app } dans un autre navigateur. L’approbation est revenue dans celui-ci, donc rien n’a été connecté.
password-elsewhere-again = Si c’était vous, recommencez et restez dans un seul navigateur.
password-elsewhere-deleted = Nous avons supprimé le nouveau mot de passe d’application sur { $store }. Il ne vous reste rien à faire.
password-elsewhere-left = { $store } affiche peut-être encore le nouveau mot de passe d’application. Dans WordPress, ouvrez { $menu } et révoquez le plus récent qui porte le nom { $name }.

## When a page cannot be shown

error-nothing-here = Introuvable
error-not-taken = Requête non acceptée
error-one-moment = Un instant, s’il vous plaît
error-our-side = Un problème est survenu
error-no = Cela n’a pas fonctionné
error-number = Si vous demandez de l’aide, donnez ce numéro : { $number }
error-connect = Connecter une boutique
link-gone-title = Ce lien ne fonctionne plus
link-gone = Les liens pour connecter une boutique ne sont valables qu’un certain temps. Vérifiez que vous avez ouvert le lien en entier.
link-gone-ask = Demandez-en un nouveau à { $app }, ou à la personne qui vous l’a envoyé.
failure-address = Il n’y a rien à cette adresse.
failure-method = Cette adresse n’accepte pas ce genre de requête.
failure-large = La requête est trop volumineuse.
failure-late = La requête n’est pas arrivée à temps. Envoyez-la de nouveau.
failure-busy = Le service est occupé. Réessayez dans quelques secondes.
failure-unreadable = La requête est illisible.
failure-form = Ce que votre navigateur a envoyé est illisible. Ouvrez de nouveau la page.
failure-broken = Un problème est survenu de notre côté. Réessayez dans un instant.
failure-broken-tell = Un problème est survenu de notre côté. Réessayez dans un instant ; s’il persiste, donnez le numéro de la requête à l’exploitant du service.
failure-unavailable = Le service est occupé, ou sa base de données est injoignable. Réessayez dans quelques secondes.
failure-cross-site = Ce formulaire a été envoyé depuis un autre site et n’a donc pas été accepté. Ouvrez de nouveau la page et envoyez-le de là.
failure-needs-link = Il faut ici un lien pour se connecter. Demandez-en un à l’exploitant du service.
failure-other-browser = Cette page ne s’ouvre que dans le navigateur où vous avez commencé, et pendant un jour. Ouvrez-la dans celui-ci, ou recommencez avec le lien que vous avez reçu.
failure-network-limit = Trop de tentatives sont venues de votre réseau. Réessayez dans une demi-minute. Pour connecter de nombreuses boutiques, demandez un lien à l’exploitant du service : avec un lien, cette limite ne s’applique pas.
failure-link-limit = Ce lien a été utilisé trop souvent en peu de temps. Réessayez dans une demi-minute.
failure-day-limit = Votre réseau a déjà connecté autant de boutiques que cette page en accepte par jour. Demandez un lien à l’exploitant du service : avec un lien, vous pouvez continuer tout de suite.
failure-open-limit = Trop de boutiques se connectent par cette page en ce moment. Attendez une minute, puis réessayez, ou demandez un lien à l’exploitant du service : avec un lien, vous pouvez continuer tout de suite.
failure-limit = De nombreuses boutiques sont en cours de vérification. Attendez dix secondes, puis réessayez.

## What a key may do

scope-read = consulter vos produits, commandes et clients, sans rien modifier
scope-write = créer et modifier des produits, commandes et clients, sans les consulter
scope-read_write = consulter et modifier vos produits, commandes et clients

## Why an address is not a store's

address-empty = Saisissez l’adresse de votre boutique, par exemple shop.example.com.
address-too_long = Cette adresse est trop longue. Saisissez seulement l’adresse principale de votre boutique, par exemple shop.example.com.
address-unreadable = Ceci ne ressemble pas à une adresse web. Saisissez l’adresse principale de votre boutique, par exemple shop.example.com.
address-userinfo = Retirez la partie avant le signe @ et saisissez seulement l’adresse de votre boutique.
address-scheme = L’adresse d’une boutique commence par https://. Saisissez-la telle que vous la voyez dans votre navigateur.
address-ip_address = Saisissez le nom de votre boutique, par exemple shop.example.com, et non une adresse numérique.
address-private_name = Cette adresse ne fonctionne que dans votre propre réseau. Saisissez l’adresse que vos clients utilisent.
address-port = Retirez le nombre après les deux-points : les boutiques doivent répondre sur le port https habituel.

## What asking the store told us

verdict-works = { $store } est connectée.
verdict-key_rejected = { $store } n’accepte plus la clé : elle a été révoquée, ou le compte WordPress qui avait approuvé a été supprimé. Reconnectez la boutique.
verdict-secret_rejected = { $store } connaît la clé mais refuse son secret. Reconnectez la boutique.
verdict-role_lost = Le compte WordPress qui avait approuvé n’est plus administrateur ni gestionnaire de boutique sur { $store }. Rendez-lui ce rôle, ou reconnectez la boutique avec un compte qui l’a.
verdict-scope_narrower = { $store } a accordé moins que ce qui était demandé ; certaines choses ne fonctionneront donc pas. Reconnectez la boutique et laissez la page d’approbation telle quelle.
verdict-scope_wider = { $store } a accordé plus que ce qui était demandé. Cela fonctionne ; reconnectez la boutique si vous voulez que la clé permette moins.
verdict-key_not_saved = { $store } a envoyé une clé sans l’enregistrer, le plus souvent à cause d’une table de base de données pleine ou périmée. Mettez WooCommerce à jour, puis réessayez.
verdict-key_unreadable = Nous ne pouvons pas lire notre copie de la clé de { $store } : son enregistrement a été endommagé ou modifié, la clé n’est donc pas utilisée. L’exploitant du service peut restaurer l’enregistrement à partir d’une sauvegarde ; sinon, reconnectez la boutique.
verdict-header_stripped = Le serveur de { $store } retire la clé avant qu’elle n’atteigne WooCommerce. Demandez à votre hébergeur de transmettre l’en-tête Authorization à PHP, puis réessayez.
verdict-https_hidden = Le serveur de { $store } cache https à WordPress, si bien que WooCommerce ignore la clé. Demandez à votre hébergeur de définir HTTPS pour PHP derrière son proxy, puis réessayez.
verdict-clock_off = L’horloge de { $store } et la nôtre ont plus de quinze minutes d’écart, si bien que la boutique refuse les requêtes signées. Demandez à votre hébergeur de régler l’horloge du serveur, puis réessayez.
verdict-other_store = La clé appartient à une autre boutique que { $store }. Reconnectez et approuvez sur { $store } même.
verdict-moved = { $store } a une nouvelle adresse. Reconnectez avec l’adresse actuelle de la boutique.
verdict-clone_suspected = { $store } indique une autre adresse que la sienne, et une boutique y répond aussi : l’une des deux est peut-être une copie. Reconnectez avec l’adresse que vos clients utilisent, ou corrigez l’adresse web du site dans WordPress sous Réglages → Général.
verdict-application_passwords_off = Les mots de passe d’application sont désactivés sur { $store }. Wordfence le fait par défaut : Wordfence → All Options → Brute Force Protection → Disable WordPress application passwords. Autorisez-les à cet endroit ou dans votre extension de sécurité, puis réessayez.
verdict-user_gone = Le compte WordPress qui avait approuvé n’existe plus sur { $store }. Reconnectez la boutique comme administrateur ou gestionnaire de boutique.
verdict-blocked_by_cloudflare = Cloudflare bloque notre serveur sur { $store }. Dans Cloudflare, ajoutez une règle qui exclut /wp-json/ et /wc-auth/, ou désactivez Bot Fight Mode, puis réessayez.
verdict-blocked_by_sucuri = Sucuri bloque notre serveur sur { $store }. Dans Sucuri, autorisez notre adresse pour /wp-json/ et /wc-auth/, puis réessayez.
verdict-blocked_by_siteground = Le contrôle anti-robots de SiteGround bloque notre serveur sur { $store }. Demandez à l’assistance de SiteGround d’autoriser notre adresse, puis réessayez.
verdict-blocked_by_wordfence = L’extension Wordfence bloque notre serveur sur { $store }. Dans Wordfence, autorisez notre adresse sous « Firewall », puis réessayez.
verdict-blocked_by_imunify360 = Imunify360 bloque notre serveur sur { $store }. Demandez à votre hébergeur d’autoriser notre adresse, puis réessayez.
verdict-blocked_by_aws_waf = AWS WAF bloque notre serveur sur { $store }. Demandez à la personne qui gère le compte AWS de la boutique d’autoriser notre adresse pour /wp-json/ et /wc-auth/, puis réessayez.
verdict-blocked_by_imperva = Imperva bloque notre serveur sur { $store }. Dans Imperva, autorisez notre adresse pour /wp-json/ et /wc-auth/, puis réessayez.
verdict-blocked_by_bot_check = Un contrôle anti-robots sur { $store } laisse passer les navigateurs, mais pas notre serveur. Demandez à votre hébergeur d’autoriser notre adresse pour /wp-json/ et /wc-auth/, puis réessayez.
verdict-blocked_by_modsecurity = Une règle ModSecurity de votre hébergeur bloque { $store }. Demandez à votre hébergeur d’exempter /wc-auth/ et /wp-json/ (règles contre les adresses web dans les paramètres), puis réessayez.
verdict-blocked_by_solid_security = L’extension Solid Security restreint l’API REST de { $store }. Dans WordPress, ouvrez Security → Settings → Advanced → WordPress Tweaks, réglez REST API sur « Default Access », puis réessayez.
verdict-blocked_by_all_in_one_security = L’extension All-In-One Security refuse les requêtes REST sur { $store }. Dans WordPress, ouvrez WP Security → Firewall → PHP rules, désactivez « Disallow unauthorized REST requests », puis réessayez.
verdict-blocked_by_disable_rest_api = L’extension Disable REST API ferme l’API REST de { $store }. Dans WordPress, sous Réglages → Disable REST API, autorisez /wc/v3 pour les utilisateurs non connectés, puis réessayez.
verdict-blocked_by_birim_rest_lock = L’extension Birim REST Lock verrouille l’API REST de { $store }. Dans les réglages de cette extension, autorisez wc/v3, puis réessayez.
verdict-blocked_by_duo = L’extension Duo demande un second facteur avant que l’API de { $store } ne réponde. Demandez à votre administrateur d’exempter /wp-json/ dans Duo, puis réessayez.
verdict-blocked_by_defensive_mode = Le Defensive Mode chez l’hébergeur de { $store } (Pressable, WordPress.com, WP Cloud) bloque notre serveur. Désactivez le Defensive Mode dans l’espace de gestion de votre hébergement, puis réessayez.
verdict-blocked_by_firewall = Un pare-feu bloque notre serveur sur { $store }. Demandez à votre hébergeur d’autoriser notre adresse pour /wp-json/ et /wc-auth/, puis réessayez.
verdict-rest_closed = Une extension de sécurité bloque l’API REST de { $store }. Autorisez wc/v3 dans cette extension, puis réessayez.
verdict-not_public = { $store } est privée ou pas encore lancée : seuls ses membres peuvent y accéder. Lancez le site dans WordPress.com sous Réglages → Général, puis réessayez.
verdict-login_wall = { $store } demande un mot de passe aux visiteurs ou leur montre d’abord une autre page. Désactivez cela pour /wp-json/ et /wc-auth/, puis réessayez.
verdict-maintenance = { $store } est en mode maintenance. Réessayez quand la boutique sera ouverte.
verdict-server_error = { $store } a répondu par une erreur de serveur. Réessayez dans quelques minutes ; si elle persiste, demandez à votre hébergeur.
verdict-rate_limited = { $store } nous a demandé de ralentir. Réessayez dans quelques minutes.
verdict-dns_failed = Nous n’avons pas trouvé { $store }. Vérifiez l’orthographe de l’adresse.
verdict-private_address = { $store } mène à une adresse d’un réseau privé. Saisissez l’adresse que vos clients utilisent.
verdict-connect_failed = Rien ne répond sur { $store }. Vérifiez l’adresse, ou demandez à votre hébergeur si la boutique fonctionne.
verdict-tls_failed = Le certificat de { $store } n’est pas digne de confiance : il est expiré, incomplet ou établi pour un autre nom. Demandez à votre hébergeur de le renouveler, puis réessayez.
verdict-tls_outdated = Le serveur de { $store } ne propose qu’un chiffrement obsolète (TLS 1.1 ou antérieur, ou d’anciens algorithmes). Demandez à votre hébergeur d’activer TLS 1.2 ou plus récent avec ECDHE, puis réessayez.
verdict-timed_out = { $store } n’a pas répondu à temps. Réessayez dans une minute ; si elle reste lente, demandez à votre hébergeur.
verdict-answer_unreadable = { $store } a donné une réponse qui ne vient pas de WordPress. Vérifiez que c’est bien l’adresse de la boutique elle-même.
verdict-no_https = { $store } n’a pas de https ; les clés circuleraient sans protection. Activez https dans WordPress sous Réglages → Général, puis réessayez.
verdict-no_wordpress = Nous n’avons pas trouvé WordPress sur { $store }. Est-ce l’adresse de la boutique elle-même ?
verdict-no_woocommerce = WordPress se trouve sur { $store }, mais WooCommerce 3.5 ou plus récent n’y est pas activé. Activez l’extension WooCommerce, puis réessayez.
verdict-plain_permalinks = { $store } utilise des permaliens « Simple ». Dans WordPress, ouvrez Réglages → Permaliens, choisissez « Titre de la publication » (Post name), cliquez sur « Enregistrer les modifications », puis réessayez.
verdict-index_permalinks = Les liens de { $store } passent par index.php, et la page d’approbation de WooCommerce ne peut pas aboutir ainsi. Demandez à votre hébergeur d’activer la réécriture d’URL, puis réessayez.
verdict-permalinks_stale = La page d’approbation de WooCommerce est introuvable sur { $store }. Dans WordPress, ouvrez Réglages → Permaliens, cliquez une fois sur « Enregistrer les modifications », puis réessayez.
verdict-approval_misdirected = La page d’approbation de WooCommerce sur { $store } mène à une autre adresse. Vérifiez l’adresse web de WordPress et l’adresse web du site sous Réglages → Général.
verdict-approval_cached = Un cache sur { $store } répond à la page d’approbation de WooCommerce avec une autre demande. Demandez à votre hébergeur d’exclure /wc-auth/ et /wp-json/ du cache, puis réessayez.
verdict-noisy_answer = { $store } écrit d’autres textes autour de ses réponses. Cela fonctionne, mais demandez à votre développeur de désactiver l’affichage des erreurs PHP et les commentaires des extensions de cache.
verdict-slow = { $store } fonctionne, mais met plus de dix secondes à répondre. Demandez à votre hébergeur ce qui la ralentit.
verdict-denied = Vous avez refusé sur { $store } ; rien n’a été connecté.
verdict-not_finished = Personne n’a approuvé à temps sur { $store } ; rien n’a été connecté.
verdict-not_confirmed = La clé de { $store } fonctionnait, mais l’approbation n’a pas été confirmée à temps ; rien n’a été connecté. Recommencez.
verdict-disowned = L’approbation sur { $store } a été signalée comme une erreur ; rien n’a été connecté.
verdict-approved_elsewhere = L’approbation sur { $store } est revenue dans un autre navigateur que celui qui avait commencé ; rien n’a donc été connecté. Recommencez et restez dans un seul navigateur.
verdict-wrong_store = Ce lien est destiné à une autre boutique que { $store }. Demandez un lien sans boutique imposée.
verdict-link_withdrawn = Le lien pour { $store } a été retiré ; rien n’a donc été connecté. Demandez-en un nouveau.

## Keys that were typed

half-key_empty = Copiez ici la clé client ; elle commence par ck_.
half-secret_empty = Copiez ici le secret client ; il commence par cs_.
half-key_is_secret = C’est le secret client. Ici va la clé client ; elle commence par ck_.
half-secret_is_key = C’est la clé client. Ici va le secret client ; il commence par cs_.
half-shortened = Ce n’est que la fin d’une clé, telle que la liste de WooCommerce l’affiche. Elle n’est visible en entier qu’une fois, à sa création : créez-en une nouvelle.
half-key_shape = Ce n’est pas une clé client entière : ck_ et 40 lettres et chiffres. Copiez-la de nouveau.
half-secret_shape = Ce n’est pas un secret client entier : cs_ et 40 lettres et chiffres. Copiez-le de nouveau.
by-hand-key_rejected = { $store } ne connaît pas cette clé : elle a été créée dans une autre boutique, ou elle est révoquée. Créez-en une nouvelle sur celle-ci.
by-hand-secret_rejected = { $store } connaît cette clé, mais son secret est différent. Copiez de nouveau le secret ; s’il est perdu, créez une nouvelle clé.
by-hand-role_lost = Le compte WordPress auquel appartient cette clé n’est ni administrateur ni gestionnaire de boutique de { $store }. Créez une clé pour un compte qui l’est.
by-hand-other_store = Cette clé appartient à une autre boutique que { $store }. Vérifiez l’adresse.
by-hand-scope_narrower = Cette clé permet moins sur { $store } que ce qui est demandé ; certaines choses ne fonctionneront donc pas. Créez une clé avec toutes les permissions demandées et saisissez celle-ci.
by-hand-scope_wider = Cette clé permet plus sur { $store } que ce qui est demandé. Elle fonctionne ; créez-en une qui permet moins si vous le souhaitez.
