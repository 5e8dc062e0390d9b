# What merchants read, in English. Sentences that services read too stand in the source: verdicts, scopes, address faults.
# No HTML here: what a page puts in place of a variable brings its own.

## Around every page

language = Language
need-help = Need help?
new-tab = (opens in a new tab)
problem = Problem: { $title }
error-word = Error:
fact-store = Store
fact-account = Account
for-support = For support: { $code }
keys-menu = Settings → Advanced → REST API
permalinks-menu = Settings → Permalinks
open-keys = View the keys of { $store }
steps = Steps
step-address = Address
step-approve = Approve
step-key = Key
step-test = Test
step-connected = Connected
step-done = (done)

## Begin

connect-title = Connect your store
connect-again-title = Reconnect your store
connect-lead = Connect your WooCommerce store to { $app }. You approve it on your own store; there are no keys to copy.
connect-lead-account = Connect your WooCommerce store to { $app }, account { $account }. You approve it on your own store; there are no keys to copy.
connect-whose = The store will belong to the { $app } account that this link was made for. Continue only if you started this in { $app } yourself, or if you know who sent you the link.
why-title = Why connect again
why-disconnected = { $store } was disconnected. Connecting it again creates a new key.
why-works = The connection to { $store } works now. Connecting it again replaces its key.
news-connected = This link already connected { $store } to { $app }. There is nothing left to do.
news-open = Someone used this link in another browser and started connecting { $store }. Continue there, or start here.
news-testing = The connection to { $store } was approved in another browser, and its key is being tested. Wait for the result there.
news-confirm = The connection to { $store } was approved in another browser and still has to be confirmed. Finish there.
news-denied = The approval was denied on { $store }, so nothing was connected. You can try again here.
connect-another = Connect another store
connect-here = Start here
connect-stopped = Your store cannot be connected yet
connect-warned = There may be a problem
connect-passable = Your browser will probably get through where our check did not. Continue; if it does not, come back here.
for-host-title = Send this to your host
for-host-lead = Copy this text into a message to your host, or to whoever manages your site's security.
for-host-copy = Copy text
for-host-copied = Copied
for-host-text = Please let the requests of { $app } through to { $store }.
for-host-paths = Paths: { $paths }
for-host-agent = User-Agent: { $agent }
for-host-addresses = IP addresses: { $addresses }
for-host-setting = Setting: { $setting }
connect-adopted = Your store's main address is { $store }; we will use that.
connect-checking = Checking your store…
connect-checking-hint = This takes a few seconds.
connect-checking-later = Your store is slow to answer. We are still waiting for it; the whole check takes up to 30 seconds, and you can continue even if it does not finish.
connect-address = Your store's address
connect-address-hint = For example, shop.example.com. The address of any page works.
connect-button = Connect store
connect-check-again = Check again
connect-go-on = Continue anyway
approve-title = What you will approve
approve-what = { $app } will be able to { $may }.
approve-list = Your store will ask you to give { $name } { $access } access, which allows it to:
approve-kept = Your store creates a key for this. We store it encrypted, and only { $app } can use it. Your store password never reaches us.
approve-revoke = You can revoke the key at any time in WooCommerce under { $menu }.
approve-ask = If you have questions, ask { $app }.
approve-ask-link = Questions? { $link }.
need-help-at = Get help from { $app }
create-webhooks = Create webhooks
create-coupons = Create coupons
create-customers = Create customers
create-orders = Create orders
create-products = Create products
view-coupons = View coupons
view-customers = View customers
view-orders = View orders and sales reports
view-products = View products
manage-coupons = View and manage coupons
manage-customers = View and manage customers
manage-orders = View and manage orders and sales reports
manage-products = View and manage products
how-title = How it works
how-log-in = Your store asks you to log in. You must be an administrator or shop manager.
how-check = Your store will show { $name } and { $host }. Check both, then press Approve.
how-back = You return here, and we test the key.
log-in-first = Does your store use a captcha, two-step login or single sign-on? First log in to your store's wp-admin in this browser, then continue here.
log-in-first-there = Does your store use a captcha, two-step login or single sign-on? First { $link }, then continue here.
log-in-first-link = log in to your store's wp-admin

## Send

send-title = Continue on { $store }
send-heading = Taking you to { $store }
send-lead = Your store will open in a moment. Log in if it asks you to, then approve.
send-adopted = Your store's main address is { $store }; we will use that.
send-button = Continue to { $store }
send-before = Before you press Approve
send-names = Your store will show { $name } and { $host }. Check both. Press Approve to connect, or Deny to stop.
send-stuck = Stuck on your store? Return to { $page } for help with common errors.
send-stuck-page = the page for this connection

## How an attempt stands

attempt-open = Waiting for { $store }
attempt-open-lead = Press Approve on { $store }. If something went wrong there, the help below says what to do. This page updates automatically.
attempt-no-key = We did not receive a key
attempt-no-key-lead = Your store reports that you approved, but no key reached us. A firewall or a redirect probably stopped it.
attempt-connecting = Connecting { $store }
attempt-received-lead = The key has arrived, and we will test it in a moment. This page updates automatically.
attempt-proving-lead = We are testing the key with your store. This takes a few seconds, or up to two minutes if your store is slow.
attempt-confirm = Did you approve this?
attempt-confirm-lead = The key of { $store } works, but no browser returned after the approval. Nothing is connected until you confirm.
attempt-confirm-lead-elsewhere = The key of { $store } works, but the approval came back in a different browser. Nothing is connected until you confirm.
attempt-trouble = The key of { $store } could not be tested yet
attempt-app = { $app } must confirm
attempt-app-lead = The key works. { $app } will connect the store after it checks that this is your account.
attempt-connected = { $store } is connected
attempt-connected-lead = { $app } can now { $may }.
attempt-denied = You pressed Deny
attempt-denied-lead = Nothing was connected. If that was a mistake, try again and press Approve on { $store }.
attempt-failed = { $store } could not be connected
moved-to = It now reports { $address } as its address.
attempt-expired = This attempt has expired
attempt-expired-lead = Nobody approved on { $store } in time, so nothing was connected. Try again when you have a minute.

## What to do about it

wait-keep = Your approval has arrived; you do not need to approve again. We keep trying: every few seconds at first, while this page is open, then less often, for about an hour.
wait-now = Try now
wait-now-busy = Trying…
wait-host = If you cannot change this yourself, send the sentence above and the code below to your host, or to whoever looks after your store.
new-key_lost = { $store } deleted its new key, because our answer did not reach it in time. Nothing was connected. Try again; if it happens again, ask your host why answers from outside reach the store's server so late.
new-key_rejected = { $store } does not accept the key that it has just created. A cache or a security plugin is probably interfering. Try again; if it happens again, send this to your host.
new-role_lost = The WordPress user who approved on { $store } is not allowed to read its orders. Try again, and approve as an administrator or shop manager.
warning-rest_closed = { $store } closes its REST API to visitors. Keys often work anyway: continue, and we will test yours. If it is refused, allow wc/v3 in your security plugin.
no-key-title = What to do now
no-key-remove = In WooCommerce, open { $menu } and revoke the newest “{ $name }” key.
no-key-again = Return to this page and try again.
no-key-host = If it happens again, ask your host to let the store's server reach { $address } without redirects.
confirm-only = Confirm only if you approved this { $yourself }, and only for your own store.
confirm-only-yourself = yourself
confirm-yes = Yes, connect it
confirm-yes-busy = Connecting…
confirm-no = No, discard the key
throwing-away = Discarding the key…
app-finish = To finish, go back to { $app }, where you are signed in.
connected-close = You are done. You can close this page.
tidy-title = Clean up your store's keys
tidy-keys = { $count ->
    [one] Your store also has a key that is not used.
   *[other] Your store also has { $count } keys that are not used.
} In WooCommerce, open { $menu } and revoke any key that ends in { $keys }.
tidy-former = The previous key, { $key }, is no longer needed. Revoke it on { $page } in your store.
tidy-former-page = the page for key { $id }
key-in-use = The key in use ends in { $key }. To end the connection, revoke that key in your store under { $menu }.
try-again = Try again
start-over = Start over
try-again-link = To try again, open your link again or ask { $app } for a new one.
go-on-to = Continue to { $app }
back-to = Back to { $app }

## Approved in another browser

elsewhere-title = This approval was started elsewhere
elsewhere-lead = Someone started connecting { $store } to { $app } in another browser. Nothing is connected yet.
elsewhere-lead-connected = Someone started connecting { $store } to { $app } in another browser. The store is now connected.
elsewhere-you = Was it you?
elsewhere-you-go = Go back to the browser or device where you started, and finish there.
elsewhere-you-done = Then you are done. You can close this page.
elsewhere-other = Did someone else send you here?
elsewhere-other-throw = They may be trying to get access to your store. Tell us, and we will discard the key.
elsewhere-other-revoke = They can access your store now. In WooCommerce, open { $menu } and revoke the newest “{ $name }” key.
elsewhere-not-me = This was not me
disowned-title = The key was discarded
disowned-lead = { $store } is not connected to { $app }, and nobody can use this approval anymore.
disowned-left = One more step
disowned-revoke = Your store still lists the key. In WooCommerce, open { $menu } and revoke the newest “{ $name }” key.
disowned-revoke-key = Your store still lists the key. In WooCommerce, open { $menu } and revoke the key that ends in { $key }.

## What the store itself may say

trouble-title = Does your store show an error?
trouble-send = “…unable to send the consumer data”
trouble-send-do = Your store could not send us the key, or did not get our answer in time. Start over. If the error continues, ask your host to let the store's server reach { $address }.
trouble-blocked = “cURL error 6”, “7” or “28”, or “User has blocked requests through HTTP”
trouble-blocked-do = Your host blocks the store's outgoing requests. Ask your host to allow https to { $host }, port 443, then try again.
trouble-certificate = “cURL error 60”
trouble-certificate-do = The list of trusted certificates on your store's server is out of date. Ask your host to update it, then try again.
trouble-url = “A valid URL was not provided”
trouble-url-do = Your store's server cannot look up { $host }. Ask your host to check its DNS for that name, then try again.
trouble-permission = “You do not have permission to access this page”
trouble-permission-do = Your login at the store has expired, or its account may not approve this. Log out of the store, log in again as an administrator or shop manager, then try again.
trouble-nonce = “Invalid nonce verification”
trouble-nonce-do = Your login on the store has expired or changed since the page was opened. Log in again, then press Approve.
trouble-login = Your store refuses the login although the password is correct
trouble-login-do = A captcha or single sign-on is in the way. { $link } first, then try again here.
trouble-login-link = Log in to wp-admin
trouble-firewall = “403 Forbidden” or “406 Not Acceptable”
trouble-firewall-do = Your host's firewall blocks the approval link because it contains a web address. Ask your host to exempt /wc-auth/, then try again.
trouble-page = “Page not found”, or only the store's home page
trouble-page-do = In WordPress, open { $menu }, choose “Post name”, press “Save Changes”, then try again.

## By hand: where the operator allows it

by-hand-offer = If the approval does not work on your store, you can { $link }.
by-hand-offer-link = connect it manually
by-hand-button = Connect manually
by-hand-title = Connect your store manually
by-hand-lead = You create a key in your store's settings and paste it here. This takes about three minutes.
by-hand-make = Create the key
by-hand-short = Already logged in to your store? Open { $link } and continue with step 5.
by-hand-short-link = your store's page for a new key
by-hand-1 = Log in to your store's WordPress as an administrator or shop manager.
by-hand-2 = In the menu on the left, open { $menu }.
by-hand-3 = Open the { $tab } tab, then { $part }.
by-hand-4 = Press { $button }.
by-hand-5 = Under { $field }, type { $name }.
by-hand-6 = Leave { $user } as it is. Under { $field }, choose { $permissions }.
by-hand-7 = Press { $button }.
by-hand-8 = Copy { $key } and { $secret } into the fields below. Your store shows the secret only once: keep that page open until you have copied both.
by-hand-menu = WooCommerce → Settings
by-hand-tab = Advanced
by-hand-part = REST API
by-hand-add = Add key
by-hand-description = Description
by-hand-user = User
by-hand-permissions = Permissions
by-hand-read = Read
by-hand-write = Write
by-hand-read_write = Read/Write
by-hand-generate = Generate API key
by-hand-drawn-1 = Drawing: the login form with its button highlighted.
by-hand-drawn-2 = Drawing: the dark menu on the left with WooCommerce open and Settings highlighted.
by-hand-drawn-3 = Drawing: a row of tabs with the last one highlighted, and a highlighted link below it.
by-hand-drawn-4 = Drawing: the list of keys with the button above it highlighted.
by-hand-drawn-5 = Drawing: a form with three fields, the first one highlighted.
by-hand-drawn-6 = Drawing: the same form with the second and third fields highlighted.
by-hand-drawn-7 = Drawing: the same form with the button below it highlighted.
by-hand-drawn-8 = Drawing: two long fields, ck_ and cs_, each with a copy button.
by-hand-paste = Enter the key
by-hand-key = Consumer key
by-hand-secret = Consumer secret
by-hand-begins = Begins with { $prefix }
by-hand-wrong = Your entries were not accepted. See the errors below.
by-hand-not-kept = The key and secret were not saved. Paste both again.
by-hand-in-use = { $store } is already connected with this key. There is nothing left to do.
by-hand-approve = Prefer not to copy keys? { $link }.
by-hand-approve-link = Approve on your store instead

## Application passwords: where the operator allows them, and the approval cannot finish

password-offer = If your store cannot finish the approval, you can { $link }.
password-offer-link = connect with an application password
password-button = Connect with an application password
password-title = Connect with an application password
password-lead = WordPress has its own way to approve { $app }: you log in to { $store }, approve there, and your browser brings back a password made for this connection. This works where the usual approval cannot finish.
password-may = An application password has no list of permissions. With it, { $app } may do whatever the WordPress user who approves may do. An administrator's password can also change users, plugins and settings.
password-limit = To give less access, log in to your store as a shop manager instead of an administrator.
password-names = Your store will show { $name } and an address that begins with { $host }. Check both, then press “Yes, I approve of this connection”.
password-twice = If the login takes you somewhere else, come back here and continue to your store again.
password-kept = We store the password encrypted, and only { $app } can use it. The password that you log in with never reaches us.
password-revoke = You can revoke it at any time in WordPress under { $menu }.
password-menu = Users → Profile → Application Passwords
password-approve = Has the problem been solved? { $link }.
password-open-lead = Press “Yes, I approve of this connection” on { $store }. If the login takes you somewhere else, use the button below again. This page updates automatically.
password-denied = You did not approve
password-denied-lead = Nothing was connected. If that was a mistake, try again and press “Yes, I approve of this connection” on { $store }.
password-connected-lead = { $app } can now do on { $store } whatever the WordPress user who approved can do.
password-in-use = The connection uses the application password { $name } of the user who approved. To end the connection, revoke it in your store under { $menu }.
password-elsewhere-lead = Someone started connecting { $store } to { $app } in another browser. The approval came back in this one, so nothing was connected.
password-elsewhere-again = If it was you, start again and stay in one browser.
password-elsewhere-deleted = We deleted the new application password at { $store }. There is nothing left to do.
password-elsewhere-left = { $store } may still list the new application password. In WordPress, open { $menu } and revoke the newest one named { $name }.

## When a page cannot be shown

error-nothing-here = Not found
error-not-taken = Request not accepted
error-one-moment = One moment, please
error-our-side = Something went wrong
error-no = That did not work
error-number = If you ask for help, quote this request ID: { $number }
error-connect = Connect a store
link-gone-title = This link no longer works
link-gone = Links for connecting a store work for a limited time. Check that you opened the complete link.
link-gone-ask = Ask { $app }, or whoever sent you the link, for a new one.
failure-address = There is nothing at this address.
failure-method = This address does not accept this request method.
failure-large = The request is too large.
failure-late = The request took too long to arrive. Send it again.
failure-busy = The service is busy. Try again in a few seconds.
failure-unreadable = The request cannot be read.
failure-form = The form could not be read. Open the page again.
failure-broken = Something went wrong on our side. Try again in a moment.
failure-broken-tell = Something went wrong on our side. Try again in a moment. If the problem continues, give the operator of this service the request ID.
failure-unavailable = The service is busy or its database cannot be reached. Try again in a few seconds.
failure-cross-site = This form was sent from another site, so it was not accepted. Open the page again and send it from there.
failure-needs-link = You need a link to connect a store here. Ask the operator of this service for one.
failure-other-browser = This page opens only in the browser where you started, and only for a day. Open it there, or start again with the link you were given.
failure-network-limit = Too many attempts came from your network. Try again in half a minute. To connect many stores, ask the operator of this service for a link: links do not have this limit.
failure-link-limit = This link was used too many times in a short time. Try again in half a minute.
failure-day-limit = Your network has connected as many stores as this page allows in a day. Ask the operator of this service for a link: with a link you can continue right away.
failure-open-limit = Too many stores are being connected through this page right now. Wait a minute, then try again, or ask the operator of this service for a link: with a link you can continue right away.
failure-limit = Too many stores are being checked right now. Wait ten seconds, then try again.
