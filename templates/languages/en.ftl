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
open-keys = Open the keys of { $store }

## Begin

connect-title = Connect your store
connect-again-title = Reconnect your store
connect-lead = Connect your WooCommerce store to { $app }. You approve it on your own store; there are no keys to copy.
connect-lead-account = Connect your WooCommerce store to { $app }, account { $account }. You approve it on your own store; there are no keys to copy.
connect-stopped = Your store cannot be connected yet
connect-warned = Something may get in the way
connect-passable = Your own browser may get through where our check did not, so you can go on anyway.
connect-adopted = Your store's main address is { $store }; we will use that.
connect-checking = Checking your store…
connect-checking-hint = This takes a few seconds.
connect-address = Your store's address
connect-address-hint = Such as shop.example.com; any page of it will do.
connect-button = Connect store
connect-check-again = Check again
connect-go-on = Go on anyway
approve-title = What you will approve
approve-what = { $app } will be able to { $may }.
approve-revoke = Your store makes a key for this. You can take it back at any time, in WooCommerce under { $menu }.
how-title = How it goes
how-log-in = Your store asks you to log in. You need to be administrator or shop manager.
how-check = It names { $name } and { $host }. Check both, then press Approve.
how-back = You come back here, and we test the connection.
log-in-first = Does your store use a captcha, two-step login or single sign-on? First log in to your store's wp-admin in this browser, then go on here.
log-in-first-there = Does your store use a captcha, two-step login or single sign-on? First { $link }, then go on here.
log-in-first-link = log in to your store's wp-admin

## Send

send-title = Continue on { $store }
send-heading = Taking you to { $store }
send-lead = Your store opens by itself in a moment. Log in there if it asks you to, and approve.
send-adopted = Your store's main address is { $store }; we use that.
send-button = Continue to { $store }
send-before = Before you press Approve
send-names = Your store names { $name } and { $host }. With your approval { $app } will be able to { $may }.
send-stuck = Stuck on your store? Come back to { $page }: it knows what to do about the usual errors.
send-stuck-page = the page of this connection

## How an attempt stands

attempt-open = Waiting for { $store }
attempt-open-lead = Approve on { $store }. This page notices by itself.
attempt-no-key = No key reached us
attempt-no-key-lead = Your store says that it approved, but no key reached us. A firewall or a redirect on the way swallowed it.
attempt-connecting = Connecting { $store }
attempt-received-lead = The key has arrived. We test it in a moment; you can leave this page open.
attempt-proving-lead = We are asking your store whether the key works. This takes a few seconds; a slow store may need two minutes.
attempt-confirm = Did you approve this?
attempt-confirm-lead = The key of { $store } works, but the approval came back in another browser, or not at all. Nothing is connected until you say so.
attempt-app = { $app } must confirm
attempt-app-lead = The key works. { $app } connects the store once it has checked that this is your account.
attempt-connected = { $store } is connected
attempt-connected-lead = { $app } is now able to { $may }.
attempt-denied = You pressed Deny
attempt-denied-lead = Nothing was connected. If that was a mistake, try again and press Approve on { $store }.
attempt-failed = { $store } could not be connected
attempt-expired = This attempt has expired
attempt-expired-lead = Nobody approved on { $store } in time, so nothing was connected. Try again when you have a minute.
step-approve = Approve on { $store }
step-approved = Approved on { $store }
step-receive = Receive the key
step-received = Key received
step-test = Test the key
step-testing = Testing the key
step-connected = Connected
step-done = (done)

## What to do about it

no-key-title = What to do now
no-key-remove = In WooCommerce open { $menu } and remove the newest “{ $name }” key.
no-key-again = Come back and try again.
no-key-host = If it happens again, ask your host to let the store's server reach { $address } without redirects.
confirm-only = Confirm only if you approved it { $yourself }, and only for your own store.
confirm-only-yourself = yourself
confirm-yes = Yes, connect it
confirm-yes-busy = Connecting…
confirm-no = No, throw it away
throwing-away = Throwing the key away…
app-finish = Go back to { $app }, where you are signed in, to finish.
connected-close = That is all. You can close this page.
tidy-title = Tidy up on your store
tidy-keys = { $count ->
    [one] Your store also holds a key that is not used.
   *[other] Your store also holds { $count } keys that are not used.
} In WooCommerce open { $menu } and remove what ends in { $keys }.
tidy-former = The key that was used before, { $key }, is not needed any more. Remove it on { $page } of your store.
tidy-former-page = the page of key { $id }
key-in-use = The key in use ends in { $key }. To end the connection, remove that key in your store under { $menu }.
try-again = Try again
start-over = Start over
try-again-link = To try again, open the link that you were given once more, or ask { $app } for a new one.
go-on-to = Go on to { $app }
back-to = Back to { $app }

## Approved in another browser

elsewhere-title = This approval was started elsewhere
elsewhere-lead = Somebody began in another browser to connect { $store } to { $app }. Nothing is connected yet.
elsewhere-lead-connected = Somebody began in another browser to connect { $store } to { $app }. It is connected.
elsewhere-you = Was it you?
elsewhere-you-go = Go back to the browser, or the device, where you began. The connection is finished there.
elsewhere-you-done = Then all is done. You can close this page.
elsewhere-other = Did somebody else send you here?
elsewhere-other-throw = Then they may be trying to reach your store. Say so, and we throw the key away.
elsewhere-other-revoke = Then they can reach your store now. In WooCommerce open { $menu } and revoke the newest “{ $name }” key.
elsewhere-not-me = This was not me
disowned-title = The key was thrown away
disowned-lead = { $store } is not connected to { $app }, and nobody can use this approval any more.
disowned-left = One thing is left to do
disowned-revoke = Your store still lists the key. In WooCommerce open { $menu } and revoke the newest “{ $name }” key.
disowned-revoke-key = Your store still lists the key. In WooCommerce open { $menu } and revoke the key that ends in { $key }.

## What the store itself may say

trouble-title = Your store shows an error?
trouble-send = “…unable to send the consumer data”
trouble-send-do = Your store could not hand the key over. Try again from the start. If it stays, ask your host to let the store's server reach { $address }.
trouble-blocked = “cURL error 6”, “7” or “28”, or “User has blocked requests through HTTP”
trouble-blocked-do = Your host blocks the store's outgoing requests. Ask it to allow https to { $host }, port 443, then try again.
trouble-certificate = “cURL error 60”
trouble-certificate-do = The list of trusted certificates on your store's server is out of date. Ask your host to renew it, then try again.
trouble-url = “A valid URL was not provided”
trouble-url-do = Your store's server cannot look up { $host }. Ask your host to check its DNS for that name, then try again.
trouble-permission = “You do not have permission to access this page”
trouble-permission-do = You are logged in as somebody else. Log out of the shop, log in as administrator or shop manager, then try again.
trouble-login = The login is refused although the password is right
trouble-login-do = A captcha or single sign-on is in the way. { $link } first, then try again here.
trouble-login-link = Log in to wp-admin
trouble-firewall = “403 Forbidden” or “406 Not Acceptable”
trouble-firewall-do = Your host's firewall dislikes the approval link, because it contains a web address. Ask your host to exempt /wc-auth/, then try again.
trouble-page = “Page not found”, or simply the store's front page
trouble-page-do = In WordPress open { $menu }, choose “Post name”, press Save, then try again.

## By hand: where the operator allows it

by-hand-offer = If the approval does not work on your store, you can { $link }.
by-hand-offer-link = connect it by hand
by-hand-button = Connect by hand
by-hand-title = Connect your store by hand
by-hand-lead = You make a key in your store's own settings and copy it here. This takes about three minutes.
by-hand-make = Make the key
by-hand-short = Logged in to your store already? { $link } leads you straight to step 5.
by-hand-short-link = Your store's page for a new key
by-hand-1 = Log in to your store's WordPress, as administrator or shop manager.
by-hand-2 = In the menu on the left, open { $menu }.
by-hand-3 = Open the tab { $tab }, and there { $part }.
by-hand-4 = Press { $button }.
by-hand-5 = Under { $field }, type { $name }.
by-hand-6 = Leave { $user } as it is: that is you. Under { $field }, choose { $permissions }.
by-hand-7 = Press { $button }.
by-hand-8 = Copy { $key } and { $secret } into the fields below. Your store shows the secret this once: leave its page open until both are here.
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
by-hand-drawn-1 = Drawing: the login form, with its button marked.
by-hand-drawn-2 = Drawing: the dark menu on the left, with WooCommerce open and Settings marked.
by-hand-drawn-3 = Drawing: a row of tabs with the last one marked, and a marked link below it.
by-hand-drawn-4 = Drawing: the list of keys, with the button above it marked.
by-hand-drawn-5 = Drawing: a form of three fields, with the first one marked.
by-hand-drawn-6 = Drawing: the same form, with the second and the third field marked.
by-hand-drawn-7 = Drawing: the same form, with the button below it marked.
by-hand-drawn-8 = Drawing: two long fields, ck_ and cs_, each with a button to copy it.
by-hand-paste = Copy it here
by-hand-key = Consumer key
by-hand-secret = Consumer secret
by-hand-begins = Begins with { $prefix }
by-hand-wrong = That was not taken: see below what is wrong.
by-hand-not-kept = What you copied was not kept. Copy both values once more.
by-hand-in-use = { $store } is connected with this very key already. There is nothing left to do.
by-hand-approve = Would you rather not copy anything? { $link }.
by-hand-approve-link = Approve on your store instead
step-typed = Key made on { $store }

## When a page cannot be shown

error-nothing-here = There is nothing here
error-not-taken = That was not taken
error-one-moment = One moment, please
error-our-side = Something went wrong
error-no = That did not work
error-number = If you ask for help, give this number: { $number }
error-connect = Connect a store
link-gone-title = This link no longer works
link-gone = Links for connecting a store work for a limited time. Check that you opened the whole link.
link-gone-ask = Ask { $app }, or whoever sent you the link, for a new one.
failure-address = There is nothing at this address.
failure-method = This address does not take that method.
failure-large = The request is too large.
failure-late = The request did not arrive in time. Send it again.
failure-busy = The service is busy. Try again in a few seconds.
failure-unreadable = The request cannot be read.
failure-form = What your browser sent cannot be read. Open the page again.
failure-broken = Something went wrong on our side. Try again in a moment.
failure-broken-tell = Something went wrong on our side. Try again in a moment; if it stays, tell the operator the request id.
failure-unavailable = The service is busy or its database cannot be reached. Try again in a few seconds.
failure-cross-site = This form was sent from another site, so it was not taken. Open the page again and send it from there.
failure-needs-link = Connecting needs a link here. Ask whoever runs the service for one.
failure-other-browser = This page belongs to the browser in which you began. Open it there, or begin again with the link that you were given.
failure-too-late = This connection was confirmed before. To end it, open WooCommerce → { $menu } on { $store } and revoke the newest key.
failure-network-limit = Too many attempts came from your network. Try again in half a minute. To connect many stores, ask the service for a link: links do not have this limit.
failure-link-limit = This link was used too many times in a short period. Try again in half a minute.
failure-day-limit = Your network has connected as many stores as this page allows in a day. Ask the service for a link: with a link you can continue right away.
failure-open-limit = Too many stores are being connected through this page right now. Wait a minute, then try again, or ask the service for a link: with a link you can continue right away.
failure-limit = Many stores are being checked right now. Wait ten seconds, then try again.
