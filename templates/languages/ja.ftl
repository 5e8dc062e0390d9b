# What merchants read, in Japanese. Names of menus and buttons are those of WordPress and WooCommerce in Japanese.

## Around every page

language = 言語
need-help = お困りですか？
new-tab = （新しいタブで開きます）
problem = 問題: { $title }
error-word = エラー:
fact-store = ストア
fact-account = アカウント
for-support = サポート用コード: { $code }
keys-menu = 設定 → 高度な設定 → REST API
permalinks-menu = 設定 → パーマリンク
open-keys = { $store } のキー一覧を開く
steps = 手順の進み具合
step-address = アドレス
step-approve = 承認
step-key = キー
step-test = テスト
step-connected = 接続完了
step-done = （完了）

## Begin

connect-title = ストアを接続する
connect-again-title = ストアを再接続する
connect-lead = お使いの WooCommerce ストアを { $app } に接続します。承認はご自身のストアで行います。キーをコピーする必要はありません。
connect-lead-account = お使いの WooCommerce ストアを { $app } のアカウント { $account } に接続します。承認はご自身のストアで行います。キーをコピーする必要はありません。
connect-whose = ストアは、このリンクが作成された { $app } アカウントのものになります。ご自身で { $app } から始めた場合、またはリンクの送り主がわかる場合にのみ続けてください。
why-title = 再接続が必要な理由
why-disconnected = { $store } の接続は解除されています。再接続すると新しいキーが作成されます。
why-works = { $store } との接続は現在使えています。再接続するとキーが新しいものに置き換わります。
news-connected = { $store } はこのリンクですでに { $app } に接続されています。これ以上の操作は必要ありません。
news-open = このリンクを使った { $store } の接続が別のブラウザーで始まっています。そちらで続けるか、ここで始めてください。
news-testing = このリンクを使って { $store } が別のブラウザーで承認され、キーをテストしています。そちらで結果をお待ちください。
news-confirm = このリンクを使って { $store } が別のブラウザーで承認されましたが、確認がまだ必要です。そちらで完了してください。
news-denied = { $store } で承認が拒否されたため、何も接続されませんでした。ここでもう一度お試しいただけます。
connect-another = 別のストアを接続
connect-here = ここで始める
connect-stopped = ストアをまだ接続できません
connect-warned = 接続の妨げになる可能性があるものが見つかりました
connect-passable = こちらの確認が通らなくても、お使いのブラウザーならたいてい通ります。このまま続けてください。ここに戻ることもできます。
for-host-title = ホスティング会社にこの文面を送る
for-host-lead = この文面をコピーして、ホスティング会社またはサイトのセキュリティ担当者に送ってください。
for-host-copy = 文面をコピー
for-host-copied = コピーしました
for-host-text = { $app } から { $store } へのリクエストを通してください。
for-host-paths = パス：{ $paths }
for-host-agent = ユーザーエージェント（User-Agent）：{ $agent }
for-host-addresses = IP アドレス：{ $addresses }
for-host-setting = 設定：{ $setting }
connect-adopted = ストアの正式なアドレスは { $store } です。こちらを使用します。
connect-checking = ストアを確認しています…
connect-checking-hint = 数秒かかります。
connect-checking-later = ストアの応答に時間がかかっています。引き続き待っています。確認には最長 30 秒かかります。終わらなくても続けられます。
connect-address = ストアのアドレス
connect-address-hint = 例: shop.example.com（ストア内のどのページでもかまいません）
connect-button = ストアを接続
connect-check-again = もう一度確認
connect-go-on = このまま続ける
approve-title = 承認していただく内容
approve-what = { $app } に許可されること: { $may }。
approve-list = ストアは { $name } に「{ $access }」の権限を与えるかどうかを尋ねます。許可されること:
approve-kept = このためにストアがキーを作成します。キーは暗号化して保管し、{ $app } だけが使えます。ストアのパスワードが当方に伝わることはありません。
approve-revoke = キーは WooCommerce の { $menu } でいつでも取り消せます。
approve-ask = ご不明な点は { $app } にお問い合わせください。
approve-ask-link = ご不明な点は{ $link }。
need-help-at = { $app } にお問い合わせください
create-webhooks = Webhook の作成
create-coupons = クーポンの作成
create-customers = 顧客の作成
create-orders = 注文の作成
create-products = 商品の作成
view-coupons = クーポンの表示
view-customers = 顧客の表示
view-orders = 注文と売上レポートの表示
view-products = 商品の表示
manage-coupons = クーポンの表示と管理
manage-customers = 顧客の表示と管理
manage-orders = 注文と売上レポートの表示と管理
manage-products = 商品の表示と管理
how-title = 手順
how-log-in = ストアがログインを求めます。管理者またはショップ運営者（Shop manager）である必要があります。
how-check = ストアに { $name } と { $host } が表示されます。両方を確認してから「承認」（Approve）を押してください。
how-back = この画面に戻り、接続をテストします。
log-in-first = ストアで CAPTCHA、2 段階認証、シングルサインオンを使っていますか？その場合は、先にこのブラウザーでストアの wp-admin にログインしてから、ここで続けてください。
log-in-first-there = ストアで CAPTCHA、2 段階認証、シングルサインオンを使っていますか？その場合は、{ $link }から、ここで続けてください。
log-in-first-link = 先にストアの wp-admin にログインして

## Send

send-title = { $store } で続ける
send-heading = { $store } に移動します
send-lead = まもなくストアが自動的に開きます。求められたらログインし、承認してください。
send-adopted = ストアの正式なアドレスは { $store } です。こちらを使用します。
send-button = { $store } に進む
send-before = 「承認」を押す前に
send-names = ストアに { $name } と { $host } が表示されます。両方を確認し、接続するには「承認」を、やめるには「拒否」を押してください。
send-stuck = ストアで先に進めませんか？{ $page }に戻ってください。よくあるエラーへの対処方法をご案内します。
send-stuck-page = この接続のページ

## How an attempt stands

attempt-open = { $store } での承認を待っています
attempt-open-lead = { $store } で「承認」を押してください。うまくいかなかった場合の対処方法は下に記載しています。このページは自動的に更新されます。
attempt-no-key = キーが届きませんでした
attempt-no-key-lead = ストアでは承認されましたが、こちらにキーが届きませんでした。途中のファイアウォールかリダイレクトで失われたようです。
attempt-connecting = { $store } を接続しています
attempt-received-lead = キーが届きました。まもなくテストします。このページは開いたままでかまいません。
attempt-proving-lead = キーが使えるかストアに確認しています。数秒かかります。応答の遅いストアでは 2 分ほどかかることがあります。
attempt-confirm = 承認したのはご自身ですか？
attempt-confirm-lead = { $store } のキーは使えますが、承認のあとブラウザーが戻ってきませんでした。ご確認いただくまで何も接続されません。
attempt-confirm-lead-elsewhere = { $store } のキーは使えますが、承認が別のブラウザーで戻ってきました。ご確認いただくまで何も接続されません。
attempt-trouble = { $store } のキーをまだテストできていません
attempt-app = { $app } の確認が必要です
attempt-app-lead = キーは使えます。お客様のアカウントであることを { $app } が確認すると、ストアが接続されます。
attempt-connected = { $store } を接続しました
attempt-connected-lead = { $app } に許可されたこと: { $may }。
attempt-denied = 「拒否」が押されました
attempt-denied-lead = 何も接続されていません。間違えた場合は、もう一度やり直し、{ $store } で「承認」を押してください。
attempt-failed = { $store } を接続できませんでした
moved-to = 現在のアドレスは { $address } です。
attempt-expired = 有効期限が切れました
attempt-expired-lead = { $store } で時間内に承認されなかったため、何も接続されていません。お時間のあるときにもう一度お試しください。
wait-keep = 承認は届いています。もう一度承認する必要はありません。最初はこのページを開いている間、数秒ごとに、その後は間隔を空けて約 1 時間、自動的に試し続けます。
wait-now = 今すぐ試す
wait-now-busy = 試しています…
wait-host = ご自身で変更できない場合は、上の文と下のコードを、ホスティング会社またはストアの管理を任せている方に送ってください。
new-key_lost = 当方の応答が時間内に届かなかったため、{ $store } は新しいキーを削除しました。何も接続されていません。もう一度お試しください。再び起きる場合は、外部からの応答がストアのサーバーに届くまでになぜ時間がかかるのか、ホスティング会社にお尋ねください。
new-key_rejected = { $store } は、作成したばかりのキーを受け付けません。キャッシュまたはセキュリティプラグインが妨げている可能性があります。もう一度お試しください。再び起きる場合は、この内容をホスティング会社に送ってください。
new-role_lost = { $store } で承認した WordPress ユーザーには、注文を読み取る権限がありません。もう一度試し、管理者またはショップ運営者として承認してください。
warning-rest_closed = { $store } は REST API を訪問者に公開していません。それでもキーは使えることが多いので、このまま続けてください。キーをテストします。拒否された場合は、セキュリティプラグインで wc/v3 を許可してください。

## What to do about it

no-key-title = 次にすること
no-key-remove = WooCommerce で { $menu } を開き、いちばん新しい「{ $name }」のキーを削除してください。
no-key-again = ここに戻って、もう一度お試しください。
no-key-host = 再び起きる場合は、ストアのサーバーがリダイレクトなしで { $address } に接続できるよう、ホスティング会社にご依頼ください。
confirm-only = { $yourself }承認した場合に限り、また、ご自身のストアについてのみ確認してください。
confirm-only-yourself = ご自身が
confirm-yes = はい、接続します
confirm-yes-busy = 接続しています…
confirm-no = いいえ、破棄します
throwing-away = キーを破棄しています…
app-finish = 完了するには、ログイン中の { $app } に戻ってください。
connected-close = これで完了です。このページを閉じてかまいません。
tidy-title = ストアの整理
tidy-keys = { $count ->
   *[other] ストアには使われていないキーがほかに { $count } 個あります。
}WooCommerce で { $menu } を開き、末尾が { $keys } のものを削除してください。
tidy-former = これまでのキー { $key } は不要になりました。ストアの{ $page }で削除してください。
tidy-former-page = キー { $id } のページ
key-in-use = 使用中のキーの末尾は { $key } です。接続を終えるには、ストアの { $menu } でそのキーを削除してください。
try-again = もう一度試す
start-over = 最初からやり直す
try-again-link = もう一度試すには、受け取ったリンクを再び開くか、{ $app } に新しいリンクをご依頼ください。
go-on-to = { $app } に進む
back-to = { $app } に戻る

## Approved in another browser

elsewhere-title = この承認は別の場所で始められました
elsewhere-lead = 別のブラウザーで、{ $store } を { $app } に接続する操作が始められました。まだ何も接続されていません。
elsewhere-lead-connected = 別のブラウザーで、{ $store } を { $app } に接続する操作が始められました。すでに接続されています。
elsewhere-you = ご自身の操作ですか？
elsewhere-you-go = 操作を始めたブラウザーまたは端末に戻ってください。接続はそこで完了します。
elsewhere-you-done = それなら、これで完了です。このページを閉じてかまいません。
elsewhere-other = ほかの人から案内されましたか？
elsewhere-other-throw = その人がストアに入ろうとしている可能性があります。お知らせいただければ、キーを破棄します。
elsewhere-other-revoke = その人は現在ストアにアクセスできます。WooCommerce で { $menu } を開き、いちばん新しい「{ $name }」のキーを取り消してください。
elsewhere-not-me = 自分の操作ではありません
disowned-title = キーを破棄しました
disowned-lead = { $store } は { $app } に接続されていません。この承認はもう誰も使えません。
disowned-left = あと一つだけお願いします
disowned-revoke = キーはまだストアの一覧に残っています。WooCommerce で { $menu } を開き、いちばん新しい「{ $name }」のキーを取り消してください。
disowned-revoke-key = キーはまだストアの一覧に残っています。WooCommerce で { $menu } を開き、末尾が { $key } のキーを取り消してください。

## What the store itself may say

trouble-title = ストアにエラーが表示されますか？
trouble-send = 「…unable to send the consumer data」
trouble-send-do = ストアがキーを渡せなかったか、当方の応答を時間内に受け取れませんでした。最初からやり直してください。解消しない場合は、ストアのサーバーが { $address } に接続できるよう、ホスティング会社にご依頼ください。
trouble-blocked = 「cURL error 6」「7」「28」または「User has blocked requests through HTTP」
trouble-blocked-do = ホスティング会社がストアから外への通信を止めています。{ $host } のポート 443 への https を許可するよう依頼してから、もう一度お試しください。
trouble-certificate = 「cURL error 60」
trouble-certificate-do = ストアのサーバーにある信頼済み証明書の一覧が古くなっています。更新するようホスティング会社に依頼してから、もう一度お試しください。
trouble-url = 「A valid URL was not provided」
trouble-url-do = ストアのサーバーが { $host } を見つけられません。この名前の DNS を確認するようホスティング会社に依頼してから、もう一度お試しください。
trouble-permission = 「You do not have permission to access this page」または「このページにアクセスする権限がありません」
trouble-permission-do = ストアへのログインの有効期限が切れたか、アカウントに権限がありません。ストアからログアウトし、管理者またはショップ運営者としてログインし直してから、もう一度お試しください。
trouble-nonce = 「Invalid nonce verification」
trouble-nonce-do = ページを開いた後に、ストアへのログインが期限切れになったか変更されました。もう一度ログインしてから「承認」を押してください。
trouble-login = パスワードは正しいのにログインが拒否される
trouble-login-do = CAPTCHA またはシングルサインオンが妨げになっています。{ $link }から、ここでもう一度お試しください。
trouble-login-link = 先に wp-admin にログインして
trouble-firewall = 「403 Forbidden」または「406 Not Acceptable」
trouble-firewall-do = 承認のリンクにウェブアドレスが含まれているため、ホスティング会社のファイアウォールが拒否しています。/wc-auth/ を除外するよう依頼してから、もう一度お試しください。
trouble-page = 「ページが見つかりません」、またはストアのトップページが表示される
trouble-page-do = WordPress で { $menu } を開き、「投稿名」を選んで「変更を保存」を押してから、もう一度お試しください。

## By hand: where the operator allows it

by-hand-offer = ストアでの承認がうまくいかない場合は、{ $link }こともできます。
by-hand-offer-link = 手動で接続する
by-hand-button = 手動で接続
by-hand-title = ストアを手動で接続
by-hand-lead = ストアの設定でキーを作成し、ここにコピーします。3 分ほどで終わります。
by-hand-make = キーを作成する
by-hand-short = すでにストアにログインしていますか？{ $link }を開くと、すぐに手順 5 に進めます。
by-hand-short-link = 新しいキーを作成するストアのページ
by-hand-1 = ストアの WordPress に、管理者またはショップ運営者としてログインします。
by-hand-2 = 左のメニューで { $menu } を開きます。
by-hand-3 = { $tab } タブを開き、その中の { $part } を開きます。
by-hand-4 = { $button } を押します。
by-hand-5 = { $field } に { $name } と入力します。
by-hand-6 = { $user } はそのままにします（あなた自身です）。{ $field } では { $permissions } を選びます。
by-hand-7 = { $button } を押します。
by-hand-8 = { $key } と { $secret } を下の欄にコピーします。シークレットがストアに表示されるのはこの一度だけです。両方がここに入るまで、そのページを開いたままにしてください。
by-hand-menu = WooCommerce → 設定
by-hand-tab = 高度な設定
by-hand-part = REST API
by-hand-add = キーを追加
by-hand-description = 説明
by-hand-user = ユーザー
by-hand-permissions = 権限
by-hand-read = 読み取り
by-hand-write = 書き込み
by-hand-read_write = 読み取り/書き込み
by-hand-generate = API キーを生成
by-hand-drawn-1 = 図: ログインフォーム。ボタンに印があります。
by-hand-drawn-2 = 図: 左の暗いメニュー。WooCommerce が開き、設定に印があります。
by-hand-drawn-3 = 図: タブの列。最後のタブに印があり、その下のリンクにも印があります。
by-hand-drawn-4 = 図: キーの一覧。その上のボタンに印があります。
by-hand-drawn-5 = 図: 三つの欄があるフォーム。最初の欄に印があります。
by-hand-drawn-6 = 図: 同じフォーム。二番目と三番目の欄に印があります。
by-hand-drawn-7 = 図: 同じフォーム。下のボタンに印があります。
by-hand-drawn-8 = 図: ck_ と cs_ の二つの長い欄。それぞれにコピー用のボタンがあります。
by-hand-paste = キーを入力する
by-hand-key = コンシューマーキー
by-hand-secret = コンシューマーシークレット
by-hand-begins = { $prefix } で始まります
by-hand-wrong = 入力内容は受け付けられませんでした。下のエラーをご覧ください。
by-hand-not-kept = キーとシークレットは保存されていません。両方をもう一度コピーしてください。
by-hand-in-use = { $store } はすでにこのキーで接続されています。これ以上の操作は必要ありません。
by-hand-approve = 何もコピーしたくない場合は、{ $link }。
by-hand-approve-link = ストアで承認してください

## アプリケーションパスワード：運営者が許可し、通常の承認が完了できない場合

password-offer = ストアで承認を完了できない場合は、{ $link }こともできます。
password-offer-link = アプリケーションパスワードで接続する
password-button = アプリケーションパスワードで接続
password-title = アプリケーションパスワードで接続
password-lead = WordPress には { $app } を承認する独自の方法があります。{ $store } にログインして承認すると、この接続専用のパスワードがブラウザー経由で届きます。通常の承認が完了できないストアでも使えます。
password-may = アプリケーションパスワードには権限の一覧がありません。{ $app } は、承認した WordPress ユーザーができることをすべて行えるようになります。管理者のパスワードでは、ユーザー、プラグイン、設定の変更もできます。
password-limit = アクセスを抑えるには、管理者ではなくショップ運営者としてストアにログインしてください。
password-names = ストアには { $name } と、{ $host } で始まるアドレスが表示されます。両方を確認してから「はい、この接続を承認します」を押してください。
password-twice = ログイン後に別のページへ移動した場合は、ここに戻ってもう一度ストアへ進んでください。
password-kept = パスワードは暗号化して保存され、{ $app } だけが使用できます。ログインに使うパスワードがこちらに届くことはありません。
password-revoke = WordPress の { $menu } でいつでも取り消せます。
password-menu = ユーザー → プロフィール → アプリケーションパスワード
password-approve = 問題は解決しましたか？{ $link }。
password-open-lead = { $store } で「はい、この接続を承認します」を押してください。ログイン後に別のページへ移動した場合は、下のボタンをもう一度使ってください。このページは自動的に更新されます。
password-denied = 承認されませんでした
password-denied-lead = 何も接続されていません。間違えた場合は、もう一度試して { $store } で「はい、この接続を承認します」を押してください。
password-connected-lead = { $app } は { $store } で、承認した WordPress ユーザーができることをすべて行えるようになりました。
password-in-use = この接続は、承認したユーザーのアプリケーションパスワード { $name } を使用しています。接続を終了するには、ストアの { $menu } で取り消してください。
password-elsewhere-lead = 別のブラウザーで { $store } を { $app } に接続する操作が始められました。承認がこのブラウザーに戻ったため、何も接続されていません。
password-elsewhere-again = ご自身で始めた場合は、もう一度始めから、同じブラウザーで操作してください。
password-elsewhere-deleted = { $store } の新しいアプリケーションパスワードは削除しました。ほかに必要な操作はありません。
password-elsewhere-left = { $store } に新しいアプリケーションパスワードが残っている可能性があります。WordPress で { $menu } を開き、{ $name } という名前の最新のものを取り消してください。

## When a page cannot be shown

error-nothing-here = 見つかりません
error-not-taken = リクエストを受け付けられませんでした
error-one-moment = 少々お待ちください
error-our-side = 問題が発生しました
error-no = うまくいきませんでした
error-number = お問い合わせの際は、この番号をお伝えください: { $number }
error-connect = ストアを接続する
link-gone-title = このリンクは使えなくなりました
link-gone = ストアを接続するためのリンクには有効期限があります。リンク全体を開いたかご確認ください。
link-gone-ask = { $app }、またはリンクを送った方に、新しいリンクをご依頼ください。
failure-address = このアドレスには何もありません。
failure-method = このアドレスでは、その種類のリクエストを受け付けていません。
failure-large = リクエストが大きすぎます。
failure-late = リクエストが時間内に届きませんでした。もう一度送信してください。
failure-busy = サービスが混み合っています。数秒後にもう一度お試しください。
failure-unreadable = リクエストを読み取れません。
failure-form = ブラウザーから送られた内容を読み取れません。ページをもう一度開いてください。
failure-broken = こちら側で問題が発生しました。しばらくしてからもう一度お試しください。
failure-broken-tell = こちら側で問題が発生しました。しばらくしてからもう一度お試しください。解消しない場合は、リクエスト番号を運営者にお伝えください。
failure-unavailable = サービスが混み合っているか、データベースに接続できません。数秒後にもう一度お試しください。
failure-cross-site = このフォームは別のサイトから送信されたため、受け付けませんでした。ページをもう一度開き、そこから送信してください。
failure-needs-link = ここで接続するにはリンクが必要です。サービスの運営者にご依頼ください。
failure-other-browser = このページは、操作を始めたブラウザーでのみ、1 日間表示できます。そのブラウザーで開くか、受け取ったリンクから始め直してください。
failure-network-limit = お使いのネットワークからの試行が多すぎます。30 秒ほど待ってから、もう一度お試しください。多くのストアを接続する場合は、サービスの運営者にリンクを依頼してください。リンクにはこの制限がありません。
failure-link-limit = このリンクは短時間に使われた回数が多すぎます。30 秒ほど待ってから、もう一度お試しください。
failure-day-limit = お使いのネットワークから接続されたストアの数が、このページの 1 日の上限に達しました。サービスの運営者にリンクを依頼してください。リンクがあれば、すぐに続けられます。
failure-open-limit = 現在、このページから接続中のストアが多すぎます。1 分待ってからもう一度お試しになるか、サービスの運営者にリンクを依頼してください。リンクがあれば、すぐに続けられます。
failure-limit = 現在、多数のストアを確認しています。10 秒待ってから、もう一度お試しください。

## What a key may do

scope-read = 商品・注文・顧客情報の閲覧（変更はできません）
scope-write = 商品・注文・顧客情報の作成と変更（閲覧はできません）
scope-read_write = 商品・注文・顧客情報の閲覧と変更

## Why an address is not a store's

address-empty = ストアのアドレスを入力してください（例: shop.example.com）。
address-too_long = アドレスが長すぎます。ストアの正式なアドレスだけを入力してください（例: shop.example.com）。
address-unreadable = ウェブアドレスとして読み取れません。ストアの正式なアドレスを入力してください（例: shop.example.com）。
address-userinfo = @ より前の部分を除き、ストアのアドレスだけを入力してください。
address-scheme = ストアのアドレスは https:// で始まります。ブラウザーに表示されているとおりに入力してください。
address-ip_address = 数字のアドレスではなく、ストアの名前を入力してください（例: shop.example.com）。
address-private_name = このアドレスはお使いのネットワーク内でしか使えません。お客様が使うアドレスを入力してください。
address-port = コロンの後の数字を除いてください。ストアは標準の https ポートで応答する必要があります。

## What asking the store told us

verdict-works = { $store } は接続されています。
verdict-key_rejected = { $store } がキーを受け付けなくなりました。キーが取り消されたか、承認した WordPress ユーザーが削除されています。ストアを再接続してください。
verdict-secret_rejected = { $store } はキーを認識していますが、シークレットを拒否しています。ストアを再接続してください。
verdict-role_lost = 承認した WordPress ユーザーは、{ $store } の管理者またはショップ運営者ではなくなりました。権限を戻すか、権限のあるアカウントで再接続してください。
verdict-scope_narrower = { $store } で許可された範囲が求めたものより狭いため、一部の機能が動作しません。再接続し、承認ページの内容は変えないでください。
verdict-scope_wider = { $store } で許可された範囲が求めたものより広くなっています。動作に問題はありません。範囲を狭めたい場合は再接続してください。
verdict-key_not_saved = { $store } は、保存できなかったキーを送ってきました。多くの場合、データベースのテーブルが満杯か古いことが原因です。WooCommerce を更新してから、もう一度お試しください。
verdict-key_unreadable = こちらで保管している { $store } のキーを読み取れません。記録が破損または変更されているため、このキーは使用していません。サービスの運営者はバックアップから記録を復元できます。復元できない場合は、ストアを再接続してください。
verdict-header_stripped = { $store } のサーバーが、WooCommerce に届く前にキーを取り除いています。Authorization ヘッダーを PHP に渡すようホスティング会社に依頼してから、もう一度お試しください。
verdict-https_hidden = { $store } のサーバーで https が WordPress に伝わらないため、WooCommerce がキーを無視しています。プロキシの背後の PHP に HTTPS を設定するようホスティング会社に依頼してから、もう一度お試しください。
verdict-clock_off = { $store } のサーバーの時計とこちらの時計が15分以上ずれているため、署名付きのリクエストが拒否されています。サーバーの時計を合わせるようホスティング会社に依頼してから、もう一度お試しください。
verdict-other_store = このキーは { $store } ではなく別のストアのものです。再接続し、{ $store } で承認してください。
verdict-moved = { $store } のアドレスが変わりました。現在のアドレスで再接続してください。
verdict-clone_suspected = { $store } は別のアドレスを自分のものとしており、そのアドレスでもストアが応答しています。どちらかがコピーの可能性があります。お客様が使っているアドレスで再接続するか、WordPress の「設定」→「一般」でサイトアドレスを修正してください。
verdict-application_passwords_off = { $store } ではアプリケーションパスワードが無効になっています。Wordfence は初期設定で無効にします（Wordfence → All Options → Brute Force Protection → Disable WordPress application passwords）。そこ、またはお使いのセキュリティプラグインで許可してから、もう一度お試しください。
verdict-user_gone = 承認した WordPress ユーザーは { $store } に存在しません。管理者またはショップ運営者として再接続してください。
verdict-blocked_by_cloudflare = { $store } で Cloudflare がこちらのサーバーをブロックしています。Cloudflare で /wp-json/ と /wc-auth/ を対象外にするルールを追加するか、Bot Fight Mode をオフにしてから、もう一度お試しください。
verdict-blocked_by_sucuri = { $store } で Sucuri がこちらのサーバーをブロックしています。Sucuri で /wp-json/ と /wc-auth/ へのこちらのアドレスを許可してから、もう一度お試しください。
verdict-blocked_by_siteground = { $store } で SiteGround のボット対策がこちらのサーバーをブロックしています。こちらのアドレスを許可するよう SiteGround のサポートに依頼してから、もう一度お試しください。
verdict-blocked_by_wordfence = { $store } で Wordfence プラグインがこちらのサーバーをブロックしています。Wordfence の「Firewall」でこちらのアドレスを許可してから、もう一度お試しください。
verdict-blocked_by_imunify360 = { $store } で Imunify360 がこちらのサーバーをブロックしています。こちらのアドレスを許可するようホスティング会社に依頼してから、もう一度お試しください。
verdict-blocked_by_aws_waf = { $store } で AWS WAF がこちらのサーバーをブロックしています。ストアの AWS アカウントの管理者に、/wp-json/ と /wc-auth/ についてこちらのアドレスを許可するよう依頼してから、もう一度お試しください。
verdict-blocked_by_imperva = { $store } で Imperva がこちらのサーバーをブロックしています。Imperva で /wp-json/ と /wc-auth/ についてこちらのアドレスを許可してから、もう一度お試しください。
verdict-blocked_by_bot_check = { $store } のボット検査は、ブラウザーは通しますが、こちらのサーバーは通しません。/wp-json/ と /wc-auth/ についてこちらのアドレスを許可するようホスティング会社に依頼してから、もう一度お試しください。
verdict-blocked_by_modsecurity = ホスティング会社の ModSecurity のルールが { $store } をブロックしています。/wc-auth/ と /wp-json/ を除外するよう依頼してから（パラメーター内のウェブアドレスを拒むルールです）、もう一度お試しください。
verdict-blocked_by_solid_security = Solid Security プラグインが { $store } の REST API を制限しています。WordPress で Security → Settings → Advanced → WordPress Tweaks を開き、REST API を「Default Access」にしてから、もう一度お試しください。
verdict-blocked_by_all_in_one_security = All-In-One Security プラグインが { $store } への REST リクエストを拒否しています。WordPress で WP Security → Firewall → PHP rules を開き、「Disallow unauthorized REST requests」をオフにしてから、もう一度お試しください。
verdict-blocked_by_disable_rest_api = Disable REST API プラグインが { $store } の REST API を閉じています。WordPress の「設定」→「Disable REST API」で、未ログインのユーザーに /wc/v3 を許可してから、もう一度お試しください。
verdict-blocked_by_birim_rest_lock = Birim REST Lock プラグインが { $store } の REST API をロックしています。そのプラグインの設定で wc/v3 を許可してから、もう一度お試しください。
verdict-blocked_by_duo = Duo プラグインが { $store } の API の応答前に第二の認証要素を求めています。Duo で /wp-json/ を除外するよう管理者に依頼してから、もう一度お試しください。
verdict-blocked_by_defensive_mode = { $store } のホスティング（Pressable、WordPress.com、WP Cloud）の Defensive Mode がこちらのサーバーをブロックしています。ホスティングの管理画面で Defensive Mode をオフにしてから、もう一度お試しください。
verdict-blocked_by_firewall = { $store } でファイアウォールがこちらのサーバーをブロックしています。/wp-json/ と /wc-auth/ へのこちらのアドレスを許可するようホスティング会社に依頼してから、もう一度お試しください。
verdict-rest_closed = セキュリティプラグインが { $store } の REST API をブロックしています。そのプラグインで wc/v3 を許可してから、もう一度お試しください。
verdict-not_public = { $store } は非公開または公開準備中のため、メンバー以外はアクセスできません。WordPress.com の「設定」→「一般」でサイトを公開してから、もう一度お試しください。
verdict-login_wall = { $store } は訪問者にパスワードを求めるか、先に別のページを表示しています。/wp-json/ と /wc-auth/ ではそうしないように設定してから、もう一度お試しください。
verdict-maintenance = { $store } はメンテナンスモードです。ストアの再開後にもう一度お試しください。
verdict-server_error = { $store } がサーバーエラーを返しました。数分後にもう一度お試しください。解消しない場合は、ホスティング会社にお問い合わせください。
verdict-rate_limited = { $store } から、アクセスの間隔を空けるよう求められました。数分後にもう一度お試しください。
verdict-dns_failed = { $store } が見つかりませんでした。アドレスのつづりをご確認ください。
verdict-private_address = { $store } はプライベートネットワーク内のアドレスを指しています。お客様が使うアドレスを入力してください。
verdict-connect_failed = { $store } から応答がありません。アドレスを確認するか、ストアが稼働しているかホスティング会社にお問い合わせください。
verdict-tls_failed = { $store } の証明書を信頼できません。期限切れか、不完全か、別の名前のものです。更新するようホスティング会社に依頼してから、もう一度お試しください。
verdict-tls_outdated = { $store } のサーバーは古い暗号化（TLS 1.1 以前、または古い暗号方式）しか提供していません。ECDHE に対応した TLS 1.2 以降を有効にするようホスティング会社に依頼してから、もう一度お試しください。
verdict-timed_out = { $store } から時間内に応答がありませんでした。1 分後にもう一度お試しください。遅い状態が続く場合は、ホスティング会社にお問い合わせください。
verdict-answer_unreadable = { $store } の応答は WordPress のものではありません。ストアそのもののアドレスかご確認ください。
verdict-no_https = { $store } では https が使えないため、キーが保護されずに送られてしまいます。WordPress の 設定 → 一般 で https を有効にしてから、もう一度お試しください。
verdict-no_wordpress = { $store } に WordPress が見つかりませんでした。ストアそのもののアドレスですか？
verdict-no_woocommerce = { $store } に WordPress はありますが、WooCommerce 3.5 以降が有効になっていません。WooCommerce プラグインを有効にしてから、もう一度お試しください。
verdict-plain_permalinks = { $store } のパーマリンクは「基本」になっています。WordPress で 設定 → パーマリンク を開き、「投稿名」を選んで「変更を保存」を押してから、もう一度お試しください。
verdict-index_permalinks = { $store } のリンクは index.php を経由しており、このままでは WooCommerce の承認ページが完了できません。URL の書き換え（rewrite）を有効にするようホスティング会社に依頼してから、もう一度お試しください。
verdict-permalinks_stale = { $store } に WooCommerce の承認ページが見つかりません。WordPress で 設定 → パーマリンク を開き、「変更を保存」を一度押してから、もう一度お試しください。
verdict-approval_misdirected = { $store } の WooCommerce の承認ページが別のアドレスに移動します。設定 → 一般 で WordPress アドレスとサイトアドレスをご確認ください。
verdict-approval_cached = { $store } のキャッシュが、WooCommerce の承認ページに別のリクエストの応答を返しています。/wc-auth/ と /wp-json/ をキャッシュから除外するようホスティング会社に依頼してから、もう一度お試しください。
verdict-noisy_answer = { $store } は応答の前後に余分なテキストを出力します。動作に問題はありませんが、PHP エラーの表示とキャッシュプラグインのコメントを無効にするよう開発者に依頼してください。
verdict-slow = { $store } は動作していますが、応答に10秒以上かかっています。原因をホスティング会社にお問い合わせください。
verdict-denied = { $store } で「拒否」が押されました。何も接続されていません。
verdict-not_finished = { $store } で時間内に承認されませんでした。何も接続されていません。
verdict-not_confirmed = { $store } のキーは有効でしたが、時間内に承認が確認されませんでした。何も接続されていません。最初からやり直してください。
verdict-disowned = { $store } での承認は誤りであると報告されました。何も接続されていません。
verdict-approved_elsewhere = { $store } での承認が、操作を始めたものとは別のブラウザーで戻ってきたため、何も接続されていません。最初からやり直し、一つのブラウザーで操作してください。
verdict-wrong_store = このリンクは { $store } ではなく別のストアのものです。ストアが固定されていないリンクをご依頼ください。
verdict-link_withdrawn = { $store } のリンクは取り下げられたため、何も接続されていません。新しいリンクをご依頼ください。

## Keys that were typed

half-key_empty = ここにコンシューマーキーをコピーしてください。ck_ で始まります。
half-secret_empty = ここにコンシューマーシークレットをコピーしてください。cs_ で始まります。
half-key_is_secret = それはコンシューマーシークレットです。ここには ck_ で始まるコンシューマーキーを入れてください。
half-secret_is_key = それはコンシューマーキーです。ここには cs_ で始まるコンシューマーシークレットを入れてください。
half-shortened = それは WooCommerce の一覧に表示されるキーの末尾だけです。全体は作成時に一度だけ表示されます。新しいキーを作成してください。
half-key_shape = それは完全なコンシューマーキーではありません（ck_ と 40 文字の英数字）。もう一度コピーしてください。
half-secret_shape = それは完全なコンシューマーシークレットではありません（cs_ と 40 文字の英数字）。もう一度コピーしてください。
by-hand-key_rejected = { $store } はこのキーを知りません。別のストアで作成されたか、取り消されています。このストアで新しいキーを作成してください。
by-hand-secret_rejected = { $store } はこのキーを知っていますが、シークレットが違います。シークレットをもう一度コピーしてください。失われた場合は新しいキーを作成してください。
by-hand-role_lost = このキーの持ち主の WordPress ユーザーは、{ $store } の管理者でもショップ運営者でもありません。該当するユーザーでキーを作成してください。
by-hand-other_store = このキーは { $store } ではなく別のストアのものです。アドレスをご確認ください。
by-hand-scope_narrower = このキーで { $store } に対して許可されている範囲は求めたものより狭いため、一部の機能が動作しません。求められた権限をすべて持つキーを作成し、そのキーを入力してください。
by-hand-scope_wider = このキーで { $store } に対して許可されている範囲は求めたものより広くなっています。動作に問題はありません。範囲を狭めたい場合は、権限の少ないキーを作成してください。
