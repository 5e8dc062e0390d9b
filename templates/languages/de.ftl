# What merchants read, in German. Names of menus and buttons are those of WordPress and WooCommerce in German.

## Around every page

language = Sprache
need-help = Brauchen Sie Hilfe?
new-tab = (öffnet sich in einem neuen Tab)
problem = Problem: { $title }
error-word = Fehler:
fact-store = Shop
fact-account = Konto
for-support = Für den Support: { $code }
keys-menu = Einstellungen → Erweitert → REST-API
permalinks-menu = Einstellungen → Permalinks
open-keys = Schlüssel von { $store } öffnen
steps = Schritte
step-address = Adresse
step-approve = Genehmigen
step-key = Schlüssel
step-test = Test
step-connected = Verbunden
step-done = (erledigt)

## Begin

connect-title = Shop verbinden
connect-again-title = Shop neu verbinden
connect-lead = Verbinden Sie Ihren WooCommerce-Shop mit { $app }. Sie genehmigen das in Ihrem eigenen Shop; Schlüssel müssen Sie nicht kopieren.
connect-lead-account = Verbinden Sie Ihren WooCommerce-Shop mit { $app }, Konto { $account }. Sie genehmigen das in Ihrem eigenen Shop; Schlüssel müssen Sie nicht kopieren.
connect-whose = Der Shop wird dem Konto bei { $app } gehören, für das dieser Link erstellt wurde. Fahren Sie nur fort, wenn Sie selbst in { $app } begonnen haben oder wissen, wer Ihnen den Link geschickt hat.
why-title = Warum das nötig ist
why-disconnected = { $store } wurde getrennt. Beim erneuten Verbinden entsteht ein neuer Schlüssel.
why-works = Die Verbindung mit { $store } funktioniert. Wenn Sie neu verbinden, wird ihr Schlüssel ersetzt.
news-connected = { $store } ist mit diesem Link bereits mit { $app } verbunden. Es ist nichts mehr zu tun.
news-open = In einem anderen Browser wurde mit diesem Link begonnen, { $store } zu verbinden. Machen Sie dort weiter oder beginnen Sie hier.
news-testing = { $store } wurde mit diesem Link in einem anderen Browser genehmigt, und der Schlüssel wird getestet. Warten Sie dort auf das Ergebnis.
news-confirm = { $store } wurde mit diesem Link in einem anderen Browser genehmigt; dort fehlt noch eine Bestätigung. Schließen Sie es dort ab.
news-denied = Auf { $store } wurde abgelehnt, deshalb wurde nichts verbunden. Hier können Sie es erneut versuchen.
connect-another = Einen weiteren Shop verbinden
connect-here = Hier beginnen
connect-stopped = Ihr Shop lässt sich noch nicht verbinden
connect-warned = Etwas könnte im Weg stehen
connect-passable = Meist kommt Ihr Browser durch, wo unsere Prüfung nicht durchkam. Fahren Sie fort; Sie können hierher zurückkommen.
for-host-title = Schicken Sie das Ihrem Hoster
for-host-lead = Kopieren Sie diesen Text in eine Nachricht an Ihren Hoster oder an die Person, die sich um die Sicherheit Ihrer Website kümmert.
for-host-copy = Text kopieren
for-host-copied = Kopiert
for-host-text = Bitte lassen Sie die Anfragen von { $app } zu { $store } durch.
for-host-paths = Pfade: { $paths }
for-host-agent = User-Agent (Kennung): { $agent }
for-host-addresses = IP-Adressen: { $addresses }
for-host-setting = Einstellung: { $setting }
connect-adopted = Die Hauptadresse Ihres Shops ist { $store }; wir verwenden diese.
connect-checking = Ihr Shop wird geprüft …
connect-checking-hint = Das dauert einige Sekunden.
connect-checking-later = Ihr Shop antwortet langsam. Wir warten noch auf ihn; die ganze Prüfung dauert bis zu 30 Sekunden, und Sie können auch fortfahren, wenn sie nicht fertig wird.
connect-address = Adresse Ihres Shops
connect-address-hint = Zum Beispiel shop.example.com; jede Seite des Shops ist recht.
connect-button = Shop verbinden
connect-check-again = Erneut prüfen
connect-go-on = Trotzdem fortfahren
approve-title = Was Sie genehmigen
approve-what = { $app } kann dann { $may }.
approve-list = Ihr Shop fragt Sie, ob { $name } den Zugriff „{ $access }“ erhalten soll. Der erlaubt:
approve-kept = Ihr Shop erstellt dafür einen Schlüssel. Wir speichern ihn verschlüsselt, und nur { $app } kann ihn verwenden. Ihr Shop-Passwort erfahren wir nie.
approve-revoke = Sie können den Schlüssel jederzeit widerrufen, in WooCommerce unter { $menu }.
approve-ask = Wenn Sie Fragen haben, wenden Sie sich an { $app }.
approve-ask-link = Fragen? { $link }.
need-help-at = Hilfe von { $app }
create-webhooks = Webhooks erstellen
create-coupons = Gutscheine erstellen
create-customers = Kunden erstellen
create-orders = Bestellungen erstellen
create-products = Produkte erstellen
view-coupons = Gutscheine anzeigen
view-customers = Kunden anzeigen
view-orders = Bestellungen und Umsatzberichte anzeigen
view-products = Produkte anzeigen
manage-coupons = Gutscheine anzeigen und verwalten
manage-customers = Kunden anzeigen und verwalten
manage-orders = Bestellungen und Umsatzberichte anzeigen und verwalten
manage-products = Produkte anzeigen und verwalten
how-title = So funktioniert es
how-log-in = Ihr Shop bittet Sie, sich anzumelden. Sie müssen Administrator oder Shop-Manager sein.
how-check = Ihr Shop zeigt { $name } und { $host } an. Prüfen Sie beides und klicken Sie dann auf „Genehmigen“.
how-back = Sie kommen hierher zurück, und wir testen die Verbindung.
log-in-first = Verwendet Ihr Shop ein Captcha, eine Zwei-Faktor-Anmeldung oder Single Sign-on? Melden Sie sich dann zuerst in diesem Browser im wp-admin Ihres Shops an und fahren Sie hier fort.
log-in-first-there = Verwendet Ihr Shop ein Captcha, eine Zwei-Faktor-Anmeldung oder Single Sign-on? { $link } und fahren Sie dann hier fort.
log-in-first-link = Melden Sie sich zuerst im wp-admin Ihres Shops an

## Send

send-title = Weiter auf { $store }
send-heading = Wir bringen Sie zu { $store }
send-lead = Ihr Shop öffnet sich gleich von selbst. Melden Sie sich dort an, wenn er Sie darum bittet, und genehmigen Sie den Zugriff.
send-adopted = Die Hauptadresse Ihres Shops ist { $store }; wir verwenden diese.
send-button = Weiter zu { $store }
send-before = Bevor Sie auf „Genehmigen“ klicken
send-names = Ihr Shop zeigt { $name } und { $host } an. Prüfen Sie beides. Klicken Sie auf „Genehmigen“, um zu verbinden, oder auf „Ablehnen“, um abzubrechen.
send-stuck = Es geht in Ihrem Shop nicht weiter? Kommen Sie auf { $page } zurück: Dort steht, was bei den üblichen Fehlern hilft.
send-stuck-page = die Seite dieser Verbindung

## How an attempt stands

attempt-open = Warten auf { $store }
attempt-open-lead = Klicken Sie auf { $store } auf „Genehmigen“. Wenn dort etwas schiefging, steht unten, was zu tun ist. Diese Seite aktualisiert sich automatisch.
attempt-no-key = Bei uns ist kein Schlüssel angekommen
attempt-no-key-lead = Ihr Shop meldet, dass Sie genehmigt haben, aber bei uns ist kein Schlüssel angekommen. Wahrscheinlich hat ihn eine Firewall oder eine Weiterleitung aufgehalten.
attempt-connecting = { $store } wird verbunden
attempt-received-lead = Der Schlüssel ist da. Wir testen ihn gleich; Sie können diese Seite offen lassen.
attempt-proving-lead = Wir fragen Ihren Shop, ob der Schlüssel funktioniert. Das dauert einige Sekunden, bei einem langsamen Shop bis zu zwei Minuten.
attempt-confirm = Haben Sie das genehmigt?
attempt-confirm-lead = Der Schlüssel von { $store } funktioniert, aber nach der Genehmigung kam kein Browser zurück. Es wird nichts verbunden, bis Sie zustimmen.
attempt-confirm-lead-elsewhere = Der Schlüssel von { $store } funktioniert, aber die Genehmigung kam in einem anderen Browser zurück. Es wird nichts verbunden, bis Sie zustimmen.
attempt-trouble = Der Schlüssel von { $store } konnte noch nicht getestet werden
attempt-app = { $app } muss bestätigen
attempt-app-lead = Der Schlüssel funktioniert. { $app } verbindet den Shop, sobald geprüft ist, dass dies Ihr Konto ist.
attempt-connected = { $store } ist verbunden
attempt-connected-lead = { $app } kann jetzt { $may }.
attempt-denied = Sie haben abgelehnt
attempt-denied-lead = Es wurde nichts verbunden. Falls das ein Versehen war, versuchen Sie es erneut und klicken Sie auf { $store } auf „Genehmigen“.
attempt-failed = { $store } konnte nicht verbunden werden
moved-to = Als Adresse gibt er jetzt { $address } an.
attempt-expired = Dieser Versuch ist abgelaufen
attempt-expired-lead = Auf { $store } hat niemand rechtzeitig genehmigt, deshalb wurde nichts verbunden. Versuchen Sie es erneut, wenn Sie eine Minute Zeit haben.
wait-keep = Ihre Genehmigung ist angekommen; Sie müssen nicht noch einmal genehmigen. Wir versuchen es weiter: zuerst alle paar Sekunden, solange diese Seite offen ist, danach seltener, noch etwa eine Stunde lang.
wait-now = Jetzt versuchen
wait-now-busy = Wird versucht …
wait-host = Wenn Sie daran selbst nichts ändern können, senden Sie den Satz oben und den Code unten an Ihren Hoster oder an die Person, die Ihren Shop betreut.
new-key_lost = { $store } hat den neuen Schlüssel wieder gelöscht, weil unsere Antwort nicht rechtzeitig ankam. Es wurde nichts verbunden. Versuchen Sie es erneut; geschieht es wieder, fragen Sie Ihren Hoster, warum Antworten von außen so spät beim Server des Shops ankommen.
new-key_rejected = { $store } nimmt den Schlüssel nicht an, den der Shop eben erstellt hat. Wahrscheinlich ist ein Cache oder ein Sicherheits-Plugin im Weg. Versuchen Sie es erneut; geschieht es wieder, senden Sie das an Ihren Hoster.
new-role_lost = Das WordPress-Konto, das auf { $store } genehmigt hat, darf die Bestellungen nicht lesen. Versuchen Sie es erneut und genehmigen Sie als Administrator oder Shop-Manager.
warning-rest_closed = { $store } verschließt seine REST-API vor Besuchern. Schlüssel funktionieren oft trotzdem: Fahren Sie fort, wir testen Ihren. Wird er abgelehnt, erlauben Sie wc/v3 in Ihrem Sicherheits-Plugin.

## What to do about it

no-key-title = Was Sie jetzt tun können
no-key-remove = Öffnen Sie in WooCommerce { $menu } und entfernen Sie den neuesten Schlüssel „{ $name }“.
no-key-again = Kommen Sie zurück und versuchen Sie es erneut.
no-key-host = Wenn es wieder passiert, bitten Sie Ihren Hoster, dass der Server des Shops { $address } ohne Weiterleitungen erreichen darf.
confirm-only = Bestätigen Sie nur, wenn Sie { $yourself } genehmigt haben, und nur für Ihren eigenen Shop.
confirm-only-yourself = selbst
confirm-yes = Ja, verbinden
confirm-yes-busy = Wird verbunden …
confirm-no = Nein, verwerfen
throwing-away = Der Schlüssel wird verworfen …
app-finish = Gehen Sie zum Abschließen zurück zu { $app }, wo Sie angemeldet sind.
connected-close = Das war alles. Sie können diese Seite schließen.
tidy-title = In Ihrem Shop aufräumen
tidy-keys = { $count ->
    [one] Ihr Shop enthält außerdem einen Schlüssel, der nicht benutzt wird.
   *[other] Ihr Shop enthält außerdem { $count } Schlüssel, die nicht benutzt werden.
} Öffnen Sie in WooCommerce { $menu } und entfernen Sie, was auf { $keys } endet.
tidy-former = Der bisherige Schlüssel { $key } wird nicht mehr gebraucht. Entfernen Sie ihn in Ihrem Shop auf { $page }.
tidy-former-page = der Seite von Schlüssel { $id }
key-in-use = Der benutzte Schlüssel endet auf { $key }. Um die Verbindung zu beenden, entfernen Sie ihn in Ihrem Shop unter { $menu }.
try-again = Erneut versuchen
start-over = Von vorn beginnen
try-again-link = Um es erneut zu versuchen, öffnen Sie den Link, den Sie erhalten haben, noch einmal oder bitten Sie { $app } um einen neuen.
go-on-to = Weiter zu { $app }
back-to = Zurück zu { $app }

## Approved in another browser

elsewhere-title = Diese Genehmigung wurde anderswo begonnen
elsewhere-lead = Jemand hat in einem anderen Browser begonnen, { $store } mit { $app } zu verbinden. Noch ist nichts verbunden.
elsewhere-lead-connected = Jemand hat in einem anderen Browser begonnen, { $store } mit { $app } zu verbinden. Die Verbindung besteht.
elsewhere-you = Waren Sie das?
elsewhere-you-go = Gehen Sie zurück in den Browser oder an das Gerät, wo Sie begonnen haben. Dort wird die Verbindung abgeschlossen.
elsewhere-you-done = Dann ist alles erledigt. Sie können diese Seite schließen.
elsewhere-other = Hat Sie jemand anders hierher geschickt?
elsewhere-other-throw = Dann versucht vielleicht jemand, Zugriff auf Ihren Shop zu bekommen. Sagen Sie es uns, und wir verwerfen den Schlüssel.
elsewhere-other-revoke = Dann hat diese Person jetzt Zugriff auf Ihren Shop. Öffnen Sie in WooCommerce { $menu } und widerrufen Sie den neuesten Schlüssel „{ $name }“.
elsewhere-not-me = Das war ich nicht
disowned-title = Der Schlüssel wurde verworfen
disowned-lead = { $store } ist nicht mit { $app } verbunden, und niemand kann diese Genehmigung mehr verwenden.
disowned-left = Eines bleibt noch zu tun
disowned-revoke = In Ihrem Shop steht der Schlüssel noch in der Liste. Öffnen Sie in WooCommerce { $menu } und widerrufen Sie den neuesten Schlüssel „{ $name }“.
disowned-revoke-key = In Ihrem Shop steht der Schlüssel noch in der Liste. Öffnen Sie in WooCommerce { $menu } und widerrufen Sie den Schlüssel, der auf { $key } endet.

## What the store itself may say

trouble-title = Ihr Shop zeigt einen Fehler?
trouble-send = „…unable to send the consumer data“
trouble-send-do = Ihr Shop konnte den Schlüssel nicht übergeben oder hat unsere Antwort nicht rechtzeitig erhalten. Beginnen Sie von vorn. Bleibt der Fehler, bitten Sie Ihren Hoster, dass der Server des Shops { $address } erreichen darf.
trouble-blocked = „cURL error 6“, „7“ oder „28“, oder „User has blocked requests through HTTP“
trouble-blocked-do = Ihr Hoster blockiert ausgehende Anfragen des Shops. Bitten Sie ihn, https zu { $host }, Port 443, zu erlauben, und versuchen Sie es dann erneut.
trouble-certificate = „cURL error 60“
trouble-certificate-do = Die Liste vertrauenswürdiger Zertifikate auf dem Server Ihres Shops ist veraltet. Bitten Sie Ihren Hoster, sie zu erneuern, und versuchen Sie es dann erneut.
trouble-url = „A valid URL was not provided“ oder „Es wurde keine gültige URL übermittelt“
trouble-url-do = Der Server Ihres Shops kann { $host } nicht auflösen. Bitten Sie Ihren Hoster, sein DNS für diesen Namen zu prüfen, und versuchen Sie es dann erneut.
trouble-permission = „You do not have permission to access this page“ oder „Sie haben keine Berechtigung, auf diese Seite zuzugreifen“
trouble-permission-do = Ihre Anmeldung im Shop ist abgelaufen, oder das Konto darf das nicht. Melden Sie sich im Shop ab, melden Sie sich erneut als Administrator oder Shop-Manager an und versuchen Sie es dann erneut.
trouble-nonce = „Invalid nonce verification“
trouble-nonce-do = Ihre Anmeldung im Shop ist abgelaufen oder hat sich geändert, seit die Seite geöffnet wurde. Melden Sie sich erneut an und klicken Sie dann auf „Genehmigen“.
trouble-login = Die Anmeldung wird abgelehnt, obwohl das Passwort stimmt
trouble-login-do = Ein Captcha oder Single Sign-on steht im Weg. { $link } und versuchen Sie es dann hier erneut.
trouble-login-link = Melden Sie sich zuerst in wp-admin an
trouble-firewall = „403 Forbidden“ oder „406 Not Acceptable“
trouble-firewall-do = Die Firewall Ihres Hosters blockiert den Link zur Genehmigung, weil er eine Webadresse enthält. Bitten Sie Ihren Hoster, /wc-auth/ auszunehmen, und versuchen Sie es dann erneut.
trouble-page = „Seite nicht gefunden“ oder einfach die Startseite des Shops
trouble-page-do = Öffnen Sie in WordPress { $menu }, wählen Sie „Beitragsname“, klicken Sie auf „Änderungen speichern“ und versuchen Sie es dann erneut.

## By hand: where the operator allows it

by-hand-offer = Wenn die Genehmigung in Ihrem Shop nicht klappt, können Sie { $link }.
by-hand-offer-link = ihn manuell verbinden
by-hand-button = Manuell verbinden
by-hand-title = Ihren Shop manuell verbinden
by-hand-lead = Sie erstellen in den Einstellungen Ihres Shops einen Schlüssel und kopieren ihn hierher. Das dauert etwa drei Minuten.
by-hand-make = Den Schlüssel erstellen
by-hand-short = Schon in Ihrem Shop angemeldet? { $link } führt Sie gleich zu Schritt 5.
by-hand-short-link = Die Seite Ihres Shops für einen neuen Schlüssel
by-hand-1 = Melden Sie sich im WordPress Ihres Shops an, als Administrator oder Shop-Manager.
by-hand-2 = Öffnen Sie links im Menü { $menu }.
by-hand-3 = Öffnen Sie den Reiter { $tab } und dort { $part }.
by-hand-4 = Klicken Sie auf { $button }.
by-hand-5 = Geben Sie unter { $field } ein: { $name }.
by-hand-6 = Lassen Sie { $user }, wie es ist: Das sind Sie. Wählen Sie unter { $field } { $permissions }.
by-hand-7 = Klicken Sie auf { $button }.
by-hand-8 = Kopieren Sie { $key } und { $secret } in die Felder unten. Ihr Shop zeigt das Secret nur dieses eine Mal: Lassen Sie seine Seite offen, bis beides hier ist.
by-hand-menu = WooCommerce → Einstellungen
by-hand-tab = Erweitert
by-hand-part = REST-API
by-hand-add = Schlüssel hinzufügen
by-hand-description = Beschreibung
by-hand-user = Benutzer
by-hand-permissions = Berechtigungen
by-hand-read = Lesen
by-hand-write = Schreiben
by-hand-read_write = Lesen/Schreiben
by-hand-generate = API-Schlüssel generieren
by-hand-drawn-1 = Zeichnung: das Anmeldeformular, dessen Schaltfläche markiert ist.
by-hand-drawn-2 = Zeichnung: das dunkle Menü links, in dem WooCommerce offen und Einstellungen markiert ist.
by-hand-drawn-3 = Zeichnung: eine Reihe von Reitern, der letzte markiert, und darunter ein markierter Link.
by-hand-drawn-4 = Zeichnung: die Liste der Schlüssel, darüber die markierte Schaltfläche.
by-hand-drawn-5 = Zeichnung: ein Formular mit drei Feldern, das erste markiert.
by-hand-drawn-6 = Zeichnung: dasselbe Formular, das zweite und das dritte Feld markiert.
by-hand-drawn-7 = Zeichnung: dasselbe Formular, die Schaltfläche darunter markiert.
by-hand-drawn-8 = Zeichnung: zwei lange Felder, ck_ und cs_, jedes mit einer Schaltfläche zum Kopieren.
by-hand-paste = Den Schlüssel eingeben
by-hand-key = Consumer-Key
by-hand-secret = Consumer-Secret
by-hand-begins = Beginnt mit { $prefix }
by-hand-wrong = Ihre Eingaben wurden nicht angenommen. Unten steht, was nicht stimmt.
by-hand-not-kept = Schlüssel und Secret wurden nicht gespeichert. Kopieren Sie beide noch einmal.
by-hand-in-use = { $store } ist schon mit genau diesem Schlüssel verbunden. Sie brauchen nichts mehr zu tun.
by-hand-approve = Möchten Sie lieber nichts kopieren? { $link }.
by-hand-approve-link = Stattdessen im Shop genehmigen

## Anwendungspasswörter: wo der Betreiber sie erlaubt und die Freigabe nicht zu Ende kommt

password-offer = Wenn Ihr Shop die Freigabe nicht abschließen kann, können Sie { $link }.
password-offer-link = mit einem Anwendungspasswort verbinden
password-button = Mit einem Anwendungspasswort verbinden
password-title = Mit einem Anwendungspasswort verbinden
password-lead = WordPress kann { $app } auch selbst freigeben: Sie melden sich bei { $store } an, stimmen dort zu, und Ihr Browser bringt ein Passwort zurück, das nur für diese Verbindung gilt. Das geht auch dort, wo die übliche Freigabe nicht zu Ende kommt.
password-may = Ein Anwendungspasswort hat keine Liste von Berechtigungen. Damit darf { $app } alles, was das WordPress-Konto darf, das zustimmt. Mit dem Passwort eines Administrators lassen sich auch Benutzer, Plugins und Einstellungen ändern.
password-limit = Um weniger Zugriff zu geben, melden Sie sich im Shop als Shop-Manager statt als Administrator an.
password-names = Ihr Shop zeigt { $name } und eine Adresse, die mit { $host } beginnt. Prüfen Sie beides und drücken Sie dann „Ja, ich genehmige diese Verbindung“.
password-twice = Wenn Sie nach der Anmeldung woanders landen, kommen Sie hierher zurück und gehen Sie noch einmal weiter zu Ihrem Shop.
password-kept = Wir speichern das Passwort verschlüsselt, und nur { $app } kann es verwenden. Das Passwort, mit dem Sie sich anmelden, erfahren wir nie.
password-revoke = Sie können es jederzeit in WordPress unter { $menu } widerrufen.
password-menu = Benutzer → Profil → Anwendungspasswörter
password-approve = Ist das Problem behoben? { $link }.
password-open-lead = Drücken Sie bei { $store } „Ja, ich genehmige diese Verbindung“. Wenn Sie nach der Anmeldung woanders landen, benutzen Sie die Schaltfläche unten noch einmal. Diese Seite aktualisiert sich von selbst.
password-denied = Sie haben nicht zugestimmt
password-denied-lead = Es wurde nichts verbunden. Wenn das ein Versehen war, versuchen Sie es noch einmal und drücken Sie bei { $store } „Ja, ich genehmige diese Verbindung“.
password-connected-lead = { $app } kann bei { $store } jetzt alles, was das WordPress-Konto kann, das zugestimmt hat.
password-in-use = Die Verbindung verwendet das Anwendungspasswort { $name } des Kontos, das zugestimmt hat. Um sie zu beenden, widerrufen Sie es in Ihrem Shop unter { $menu }.
password-elsewhere-lead = Jemand hat in einem anderen Browser begonnen, { $store } mit { $app } zu verbinden. Die Freigabe kam in diesem hier zurück, deshalb wurde nichts verbunden.
password-elsewhere-again = Wenn Sie das waren, beginnen Sie noch einmal und bleiben Sie in einem Browser.
password-elsewhere-deleted = Wir haben das neue Anwendungspasswort bei { $store } gelöscht. Sie müssen nichts weiter tun.
password-elsewhere-left = { $store } führt das neue Anwendungspasswort vielleicht noch auf. Öffnen Sie in WordPress { $menu } und widerrufen Sie das neueste mit dem Namen { $name }.

## When a page cannot be shown

error-nothing-here = Nicht gefunden
error-not-taken = Anfrage nicht angenommen
error-one-moment = Einen Moment bitte
error-our-side = Etwas ist schiefgegangen
error-no = Das hat nicht geklappt
error-number = Wenn Sie um Hilfe bitten, nennen Sie diese Nummer: { $number }
error-connect = Einen Shop verbinden
link-gone-title = Dieser Link funktioniert nicht mehr
link-gone = Links zum Verbinden eines Shops gelten nur eine begrenzte Zeit. Prüfen Sie, ob Sie den ganzen Link geöffnet haben.
link-gone-ask = Bitten Sie { $app } oder die Person, die Ihnen den Link geschickt hat, um einen neuen.
failure-address = Unter dieser Adresse gibt es nichts.
failure-method = Diese Adresse nimmt solche Anfragen nicht an.
failure-large = Die Anfrage ist zu groß.
failure-late = Die Anfrage kam nicht rechtzeitig an. Senden Sie sie noch einmal.
failure-busy = Der Dienst ist ausgelastet. Versuchen Sie es in einigen Sekunden erneut.
failure-unreadable = Die Anfrage lässt sich nicht lesen.
failure-form = Was Ihr Browser gesendet hat, lässt sich nicht lesen. Öffnen Sie die Seite noch einmal.
failure-broken = Bei uns ist etwas schiefgegangen. Versuchen Sie es gleich noch einmal.
failure-broken-tell = Bei uns ist etwas schiefgegangen. Versuchen Sie es gleich noch einmal. Bleibt das Problem, nennen Sie dem Betreiber dieses Dienstes die Nummer der Anfrage.
failure-unavailable = Der Dienst ist ausgelastet, oder seine Datenbank ist nicht erreichbar. Versuchen Sie es in einigen Sekunden erneut.
failure-cross-site = Dieses Formular wurde von einer anderen Website gesendet und deshalb nicht angenommen. Öffnen Sie die Seite noch einmal und senden Sie es von dort.
failure-needs-link = Zum Verbinden brauchen Sie hier einen Link. Bitten Sie den Betreiber dieses Dienstes um einen.
failure-other-browser = Diese Seite öffnet sich nur in dem Browser, in dem Sie begonnen haben, und nur einen Tag lang. Öffnen Sie sie dort, oder beginnen Sie noch einmal mit dem Link, den Sie erhalten haben.
failure-network-limit = Aus Ihrem Netzwerk kamen zu viele Versuche. Versuchen Sie es in einer halben Minute erneut. Um viele Shops zu verbinden, bitten Sie den Betreiber dieses Dienstes um einen Link: Damit gilt diese Grenze nicht.
failure-link-limit = Dieser Link wurde in kurzer Zeit zu oft verwendet. Versuchen Sie es in einer halben Minute erneut.
failure-day-limit = Aus Ihrem Netzwerk wurden so viele Shops verbunden, wie diese Seite an einem Tag zulässt. Bitten Sie den Betreiber dieses Dienstes um einen Link: Damit können Sie sofort weitermachen.
failure-open-limit = Über diese Seite werden gerade zu viele Shops verbunden. Warten Sie eine Minute und versuchen Sie es dann erneut, oder bitten Sie den Betreiber dieses Dienstes um einen Link: Damit können Sie sofort weitermachen.
failure-limit = Gerade werden viele Shops geprüft. Warten Sie zehn Sekunden und versuchen Sie es dann erneut.

## What a key may do

scope-read = Ihre Produkte, Bestellungen und Kundendaten sehen, aber nichts ändern
scope-write = Produkte, Bestellungen und Kundendaten anlegen und ändern, ohne sie zu lesen
scope-read_write = Ihre Produkte, Bestellungen und Kundendaten sehen und ändern

## Why an address is not a store's

address-empty = Geben Sie die Adresse Ihres Shops ein, zum Beispiel shop.example.com.
address-too_long = Diese Adresse ist zu lang. Geben Sie nur die Hauptadresse Ihres Shops ein, zum Beispiel shop.example.com.
address-unreadable = Das ist keine lesbare Webadresse. Geben Sie die Hauptadresse Ihres Shops ein, zum Beispiel shop.example.com.
address-userinfo = Lassen Sie den Teil vor dem @-Zeichen weg und geben Sie nur die Adresse Ihres Shops ein.
address-scheme = Die Adresse eines Shops beginnt mit https://. Geben Sie sie so ein, wie Sie sie im Browser sehen.
address-ip_address = Geben Sie statt einer Adresse aus Zahlen den Namen Ihres Shops ein, zum Beispiel shop.example.com.
address-private_name = Diese Adresse funktioniert nur in Ihrem eigenen Netzwerk. Geben Sie die Adresse ein, die Ihre Kunden verwenden.
address-port = Lassen Sie die Zahl nach dem Doppelpunkt weg: Shops müssen über den üblichen https-Port erreichbar sein.

## What asking the store told us

verdict-works = { $store } ist verbunden.
verdict-key_rejected = { $store } nimmt den Schlüssel nicht mehr an: Er wurde widerrufen, oder das WordPress-Konto, das genehmigt hat, wurde gelöscht. Verbinden Sie den Shop neu.
verdict-secret_rejected = { $store } kennt den Schlüssel, lehnt aber sein Geheimnis ab. Verbinden Sie den Shop neu.
verdict-role_lost = Das WordPress-Konto, das genehmigt hat, ist nicht mehr Administrator oder Shop-Manager von { $store }. Geben Sie ihm die Rolle zurück, oder verbinden Sie den Shop neu mit einem Konto, das sie hat.
verdict-scope_narrower = { $store } hat weniger erlaubt als angefragt, deshalb wird manches nicht funktionieren. Verbinden Sie den Shop neu und lassen Sie die Seite der Genehmigung, wie sie ist.
verdict-scope_wider = { $store } hat mehr erlaubt als angefragt. Es funktioniert; verbinden Sie den Shop neu, wenn der Schlüssel weniger dürfen soll.
verdict-key_not_saved = { $store } hat einen Schlüssel gesendet, den der Shop nicht gespeichert hat, meist wegen einer vollen oder veralteten Datenbanktabelle. Aktualisieren Sie WooCommerce und versuchen Sie es dann erneut.
verdict-key_unreadable = Wir können unsere Kopie des Schlüssels von { $store } nicht lesen: Der Eintrag wurde beschädigt oder verändert, deshalb verwenden wir den Schlüssel nicht. Der Betreiber dieses Dienstes kann den Eintrag aus einer Sicherung wiederherstellen; andernfalls verbinden Sie den Shop neu.
verdict-header_stripped = Der Server von { $store } entfernt den Schlüssel auf dem Weg zu WooCommerce. Bitten Sie Ihren Hoster, den Authorization-Header an PHP weiterzugeben, und versuchen Sie es dann erneut.
verdict-https_hidden = Der Server von { $store } verbirgt https vor WordPress, deshalb ignoriert WooCommerce den Schlüssel. Bitten Sie Ihren Hoster, hinter seinem Proxy HTTPS für PHP zu setzen, und versuchen Sie es dann erneut.
verdict-clock_off = Die Uhr von { $store } und unsere gehen mehr als fünfzehn Minuten auseinander, deshalb lehnt der Shop signierte Anfragen ab. Bitten Sie Ihren Hoster, die Uhr des Servers zu stellen, und versuchen Sie es dann erneut.
verdict-other_store = Der Schlüssel gehört zu einem anderen Shop als { $store }. Verbinden Sie den Shop neu und genehmigen Sie auf { $store } selbst.
verdict-moved = { $store } hat eine neue Adresse. Verbinden Sie den Shop neu mit der Adresse, die er jetzt hat.
verdict-clone_suspected = { $store } gibt eine andere Adresse als seine eigene an, und auch dort antwortet ein Shop: Einer der beiden kann eine Kopie sein. Verbinden Sie neu mit der Adresse, die Ihre Kunden verwenden, oder korrigieren Sie die Website-Adresse in WordPress unter Einstellungen → Allgemein.
verdict-application_passwords_off = Anwendungspasswörter sind bei { $store } abgeschaltet. Wordfence tut das von sich aus: Wordfence → All Options → Brute Force Protection → Disable WordPress application passwords. Erlauben Sie sie dort oder in Ihrem Sicherheits-Plugin, und versuchen Sie es dann erneut.
verdict-user_gone = Das WordPress-Konto, das zugestimmt hat, gibt es bei { $store } nicht mehr. Verbinden Sie den Shop neu, als Administrator oder Shop-Manager.
verdict-blocked_by_cloudflare = Cloudflare blockiert unseren Server bei { $store }. Legen Sie in Cloudflare eine Regel an, die /wp-json/ und /wc-auth/ überspringt, oder schalten Sie den Bot Fight Mode aus, und versuchen Sie es dann erneut.
verdict-blocked_by_sucuri = Sucuri blockiert unseren Server bei { $store }. Erlauben Sie in Sucuri unsere Adresse für /wp-json/ und /wc-auth/ und versuchen Sie es dann erneut.
verdict-blocked_by_siteground = Die Bot-Prüfung von SiteGround blockiert unseren Server bei { $store }. Bitten Sie den Support von SiteGround, unsere Adresse zu erlauben, und versuchen Sie es dann erneut.
verdict-blocked_by_wordfence = Das Plugin Wordfence blockiert unseren Server bei { $store }. Erlauben Sie unsere Adresse in Wordfence unter „Firewall“ und versuchen Sie es dann erneut.
verdict-blocked_by_imunify360 = Imunify360 blockiert unseren Server bei { $store }. Bitten Sie Ihren Hoster, unsere Adresse zu erlauben, und versuchen Sie es dann erneut.
verdict-blocked_by_aws_waf = AWS WAF blockiert unseren Server bei { $store }. Bitten Sie die Person, die das AWS-Konto des Shops verwaltet, unsere Adresse für /wp-json/ und /wc-auth/ zu erlauben, und versuchen Sie es dann erneut.
verdict-blocked_by_imperva = Imperva blockiert unseren Server bei { $store }. Erlauben Sie in Imperva unsere Adresse für /wp-json/ und /wc-auth/, und versuchen Sie es dann erneut.
verdict-blocked_by_bot_check = Eine Bot-Prüfung bei { $store } lässt Browser durch, aber nicht unseren Server. Bitten Sie Ihren Hoster, unsere Adresse für /wp-json/ und /wc-auth/ zu erlauben, und versuchen Sie es dann erneut.
verdict-blocked_by_modsecurity = Eine ModSecurity-Regel Ihres Hosters blockiert { $store }. Bitten Sie Ihren Hoster, /wc-auth/ und /wp-json/ auszunehmen (Regeln gegen Webadressen in Parametern), und versuchen Sie es dann erneut.
verdict-blocked_by_solid_security = Das Plugin Solid Security schränkt die REST-API von { $store } ein. Öffnen Sie in WordPress Security → Settings → Advanced → WordPress Tweaks, stellen Sie REST API auf „Default Access“ und versuchen Sie es dann erneut.
verdict-blocked_by_all_in_one_security = Das Plugin All-In-One Security weist REST-Anfragen an { $store } ab. Öffnen Sie in WordPress WP Security → Firewall → PHP rules, schalten Sie „Disallow unauthorized REST requests“ aus und versuchen Sie es dann erneut.
verdict-blocked_by_disable_rest_api = Das Plugin Disable REST API sperrt die REST-API von { $store }. Erlauben Sie in WordPress unter Einstellungen → Disable REST API die Route /wc/v3 für nicht angemeldete Benutzer und versuchen Sie es dann erneut.
verdict-blocked_by_birim_rest_lock = Das Plugin Birim REST Lock sperrt die REST-API von { $store }. Erlauben Sie in den Einstellungen dieses Plugins wc/v3 und versuchen Sie es dann erneut.
verdict-blocked_by_duo = Das Plugin Duo verlangt einen zweiten Faktor, bevor die API von { $store } antwortet. Bitten Sie Ihren Administrator, /wp-json/ in Duo auszunehmen, und versuchen Sie es dann erneut.
verdict-blocked_by_defensive_mode = Der Defensive Mode beim Hoster von { $store } (Pressable, WordPress.com, WP Cloud) blockiert unseren Server. Schalten Sie den Defensive Mode in der Verwaltung Ihres Hosters aus und versuchen Sie es dann erneut.
verdict-blocked_by_firewall = Eine Firewall blockiert unseren Server bei { $store }. Bitten Sie Ihren Hoster, unsere Adresse für /wp-json/ und /wc-auth/ zu erlauben, und versuchen Sie es dann erneut.
verdict-rest_closed = Ein Sicherheits-Plugin blockiert die REST-API von { $store }. Erlauben Sie in diesem Plugin wc/v3 und versuchen Sie es dann erneut.
verdict-not_public = { $store } ist privat oder noch nicht veröffentlicht und nur für Mitglieder erreichbar. Veröffentlichen Sie die Website in WordPress.com unter Einstellungen → Allgemein, und versuchen Sie es dann erneut.
verdict-login_wall = { $store } fragt Besucher nach einem Passwort oder zeigt ihnen zuerst eine andere Seite. Schalten Sie das für /wp-json/ und /wc-auth/ aus und versuchen Sie es dann erneut.
verdict-maintenance = { $store } ist im Wartungsmodus. Versuchen Sie es erneut, wenn der Shop geöffnet ist.
verdict-server_error = { $store } hat mit einem Serverfehler geantwortet. Versuchen Sie es in einigen Minuten erneut; wenn er bleibt, fragen Sie Ihren Hoster.
verdict-rate_limited = { $store } hat uns gebeten, langsamer zu fragen. Versuchen Sie es in einigen Minuten erneut.
verdict-dns_failed = Wir konnten { $store } nicht finden. Prüfen Sie die Schreibweise der Adresse.
verdict-private_address = { $store } führt zu einer Adresse in einem privaten Netzwerk. Geben Sie die Adresse ein, die Ihre Kunden verwenden.
verdict-connect_failed = Unter { $store } antwortet niemand. Prüfen Sie die Adresse, oder fragen Sie Ihren Hoster, ob der Shop läuft.
verdict-tls_failed = Dem Zertifikat von { $store } kann man nicht vertrauen: Es ist abgelaufen, unvollständig oder für einen anderen Namen. Bitten Sie Ihren Hoster, es zu erneuern, und versuchen Sie es dann erneut.
verdict-tls_outdated = Der Server von { $store } bietet nur veraltete Verschlüsselung an (TLS 1.1 oder älter, oder alte Verfahren). Bitten Sie Ihren Hoster, TLS 1.2 oder neuer mit ECDHE einzuschalten, und versuchen Sie es dann erneut.
verdict-timed_out = { $store } hat nicht rechtzeitig geantwortet. Versuchen Sie es in einer Minute erneut; bleibt der Shop langsam, fragen Sie Ihren Hoster.
verdict-answer_unreadable = { $store } hat eine Antwort gegeben, die nicht von WordPress stammt. Prüfen Sie, ob das die Adresse des Shops selbst ist.
verdict-no_https = { $store } hat kein https, Schlüssel würden also ungeschützt übertragen. Schalten Sie https in WordPress unter Einstellungen → Allgemein ein und versuchen Sie es dann erneut.
verdict-no_wordpress = Wir konnten unter { $store } kein WordPress finden. Ist das die Adresse des Shops selbst?
verdict-no_woocommerce = WordPress ist unter { $store }, aber WooCommerce 3.5 oder neuer ist nicht aktiv. Aktivieren Sie das Plugin WooCommerce und versuchen Sie es dann erneut.
verdict-plain_permalinks = { $store } verwendet „Einfach“ als Permalink-Struktur. Öffnen Sie in WordPress Einstellungen → Permalinks, wählen Sie „Beitragsname“, klicken Sie auf „Änderungen speichern“ und versuchen Sie es dann erneut.
verdict-index_permalinks = Die Links von { $store } führen über index.php, und so kann die Seite der Genehmigung von WooCommerce nicht fertig werden. Bitten Sie Ihren Hoster, das Umschreiben von URLs (URL rewriting) einzuschalten, und versuchen Sie es dann erneut.
verdict-permalinks_stale = Die Seite der Genehmigung von WooCommerce ist unter { $store } nicht zu finden. Öffnen Sie in WordPress Einstellungen → Permalinks, klicken Sie einmal auf „Änderungen speichern“ und versuchen Sie es dann erneut.
verdict-approval_misdirected = Die Seite der Genehmigung von WooCommerce auf { $store } führt zu einer anderen Adresse. Prüfen Sie WordPress-Adresse und Website-Adresse unter Einstellungen → Allgemein.
verdict-approval_cached = Ein Cache bei { $store } beantwortet die Freigabeseite von WooCommerce mit einer fremden Anfrage. Bitten Sie Ihren Hoster, /wc-auth/ und /wp-json/ vom Cache auszunehmen, und versuchen Sie es dann erneut.
verdict-noisy_answer = { $store } schreibt anderen Text um seine Antworten. Es funktioniert, aber bitten Sie Ihre Entwicklerin oder Ihren Entwickler, die Anzeige von PHP-Fehlern und die Kommentare von Cache-Plugins abzuschalten.
verdict-slow = { $store } funktioniert, braucht aber länger als zehn Sekunden für eine Antwort. Fragen Sie Ihren Hoster, was den Shop bremst.
verdict-denied = Sie haben auf { $store } abgelehnt; es wurde nichts verbunden.
verdict-not_finished = Auf { $store } hat niemand rechtzeitig genehmigt; es wurde nichts verbunden.
verdict-not_confirmed = Der Schlüssel von { $store } hat funktioniert, aber die Genehmigung wurde nicht rechtzeitig bestätigt; es wurde nichts verbunden. Beginnen Sie noch einmal.
verdict-disowned = Die Genehmigung auf { $store } wurde als Versehen gemeldet; es wurde nichts verbunden.
verdict-approved_elsewhere = Die Genehmigung auf { $store } kam in einem anderen Browser zurück als dem, der begonnen hat, deshalb wurde nichts verbunden. Beginnen Sie noch einmal und bleiben Sie in einem Browser.
verdict-wrong_store = Dieser Link ist für einen anderen Shop als { $store }. Bitten Sie um einen Link ohne festgelegten Shop.
verdict-link_withdrawn = Der Link für { $store } wurde zurückgezogen, deshalb wurde nichts verbunden. Bitten Sie um einen neuen.

## Keys that were typed

half-key_empty = Kopieren Sie den Consumer-Key hierher; er beginnt mit ck_.
half-secret_empty = Kopieren Sie das Consumer-Secret hierher; es beginnt mit cs_.
half-key_is_secret = Das ist das Consumer-Secret. Hierher gehört der Consumer-Key; er beginnt mit ck_.
half-secret_is_key = Das ist der Consumer-Key. Hierher gehört das Consumer-Secret; es beginnt mit cs_.
half-shortened = Das ist nur das Ende eines Schlüssels, wie WooCommerce es in der Liste zeigt. Ganz zu sehen ist er nur einmal, wenn er erstellt wird: Erstellen Sie einen neuen.
half-key_shape = Das ist kein ganzer Consumer-Key: ck_ und 40 Buchstaben und Ziffern. Kopieren Sie ihn noch einmal.
half-secret_shape = Das ist kein ganzes Consumer-Secret: cs_ und 40 Buchstaben und Ziffern. Kopieren Sie es noch einmal.
by-hand-key_rejected = { $store } kennt diesen Schlüssel nicht: Er wurde in einem anderen Shop erstellt oder widerrufen. Erstellen Sie dort einen neuen.
by-hand-secret_rejected = { $store } kennt diesen Schlüssel, aber sein Secret ist ein anderes. Kopieren Sie das Secret noch einmal; ist es verloren, erstellen Sie einen neuen Schlüssel.
by-hand-role_lost = Das WordPress-Konto, dem dieser Schlüssel gehört, ist weder Administrator noch Shop-Manager von { $store }. Erstellen Sie einen Schlüssel für eines, das es ist.
by-hand-other_store = Dieser Schlüssel gehört zu einem anderen Shop als { $store }. Prüfen Sie die Adresse.
by-hand-scope_narrower = Dieser Schlüssel darf bei { $store } weniger als angefragt, deshalb wird manches nicht funktionieren. Erstellen Sie einen Schlüssel mit allen Berechtigungen, um die gebeten wird, und geben Sie diesen ein.
by-hand-scope_wider = Dieser Schlüssel darf bei { $store } mehr als angefragt. Er funktioniert; erstellen Sie einen, der weniger darf, wenn Sie das möchten.
