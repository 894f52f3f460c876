//! What people and bots say, in ten languages. Contacts' texts are plain; users' texts that begin with `<` are
//! HTML as they stand, others become one paragraph. `{name}` is the contact's first name, `{agent}` the
//! agent's, `{n}` a number, `{page}` a page of the site.

use super::{Place, Table};

/// All languages; the share of contacts that speak each is decided in `people`.
pub(super) const TABLES: [Table; 10] = [EN, DE, FR, ES, PT, JA, AR, HI, ZH, UK];

const fn place(location: &'static str, timezone: &'static str) -> Place {
    Place { location, timezone }
}

const EN: Table = Table {
    locale: "en-US",
    greetings: &[
        "<p>Hi there 👋 Welcome to Harbor! What brings you here today?</p>",
        "<p>Hey <span class=\"driftiwyg-tag-property\" data-tag=\"contact.first_name\">{name}</span>, good to see you again!</p>",
        "<p>Questions about <b>pricing</b>? We&#39;re here to help.</p>",
    ],
    buttons: &["I'd like to see pricing", "Book a demo", "Support & billing"],
    asks: &[
        "Thanks! What's the best email to reach you at?",
        "<p>Great.&nbsp;Which e-mail address should we use?</p>",
    ],
    handoffs: &[
        "<p>One moment, I&#39;m bringing in <b>{agent}</b> from our team.</p>",
        "Handing you over to {agent} now.",
    ],
    questions: &[
        "Hi! Does the Team plan include SSO & audit logs, or is that only in Enterprise?",
        "We're about {n} people. What would that cost per year?",
        "I keep getting \"error {n}\" when I import a CSV with more than {n} rows :(",
        "is there an api for <custom> fields? couldn't find it in the docs",
        "ok",
        "Our CFO asks: what's the refund policy if we cancel after {n} days?",
        "perfect 👍🏽 that's what I needed",
        "Can I talk to a human please",
        "Does it work in Safari < 15?\nAnd on an iPad?",
    ],
    answers: &[
        "<p>Hi {name}, this is {agent}. Happy to help!</p>",
        "<p>SSO is part of Business &amp; Enterprise. Details are on <a href=\"https://www.harbor.example{page}\" target=\"_blank\">this page</a>.</p>",
        "<p>There are three steps:</p><ul><li>Open <i>Settings</i></li><li>Choose &ldquo;Import&rdquo;</li><li>Drop the file (max. {n}&nbsp;MB)</li></ul>",
        "<p>For {n} seats that's $4.20 per seat &#39;til the end of the year.</p><p>Shall I send you a quote?</p>",
        "Let me check that with our engineers, {name} – back in a minute.",
        "<p>Fixed! 🎉 Could you reload the page and try again?</p>",
        "<p>You&#39;re welcome, have a great day! 👩‍💻</p>",
        "<p>Here&#39;s a short video: <a href=\"https://www.youtube.com/watch?v=harbor{n}\">https://www.youtube.com/watch?v=harbor{n}</a></p>",
    ],
    notes: &[
        "Looks like a good lead, {n} seats. @sales please take over",
        "<p>Asked billing about invoice #{n} – waiting.</p>",
    ],
    thanks: &["Thank you so much!!", "thx, bye 👋", "That's great, thanks a lot {agent} ❤️"],
    firsts: &[
        ("Ada", "ada"),
        ("Grace", "grace"),
        ("Miles", "miles"),
        ("Siobhán", "siobhan"),
        ("Tyrone", "tyrone"),
        ("Wren", "wren"),
    ],
    lasts: &[
        ("O'Brien", "obrien"),
        ("Whitfield", "whitfield"),
        ("Nguyen", "nguyen"),
        ("Baptiste-Clarke", "baptiste.clarke"),
        ("Moss", "moss"),
    ],
    places: &[
        place(
            "{\"city\":\"Boston\",\"region\":\"MA\",\"country\":\"US\",\"countryName\":\"United States\",\"postalCode\":\"02116\",\"latitude\":42.35,\"longitude\":-71.07}",
            "America/New_York",
        ),
        place(
            "{\"city\":\"Leeds\",\"region\":\"ENG\",\"country\":\"GB\",\"countryName\":\"United Kingdom\",\"postalCode\":\"LS1\",\"latitude\":53.8,\"longitude\":-1.55}",
            "Europe/London",
        ),
    ],
};

const DE: Table = Table {
    locale: "de-DE",
    greetings: &[
        "<p>Hallo 👋 Schön, dass Sie da sind! Wie können wir helfen?</p>",
        "<p>Grüß Gott, {name}!</p>",
    ],
    buttons: &["Preise ansehen", "Termin vereinbaren", "Hilfe & Störungen"],
    asks: &["Unter welcher E-Mail-Adresse erreichen wir Sie?"],
    handoffs: &["<p>Einen Moment, ich übergebe an <b>{agent}</b>.</p>"],
    questions: &[
        "Guten Tag, gibt es einen Auftragsverarbeitungsvertrag (Art. 28 DSGVO)?",
        "Wie viel kosten {n} Plätze für Schüler & Studierende?",
        "Beim Öffnen kommt „Fehler {n}“. Größe der Datei: {n} MB",
        "Könnte ich mit jemandem aus dem Team sprechen? Straße, Fußweg, Äpfel – Umlaute gehen ja!",
        "ja",
        "Das hat geklappt 😀👍",
    ],
    answers: &[
        "<p>Guten Tag {name}, hier ist {agent}. Den Vertrag finden Sie <a href=\"https://www.harbor.example{page}\">hier</a>.</p>",
        "<p>Für {n} Plätze gilt der Staffelpreis: 3,90&nbsp;€ je Platz &amp; Monat.</p>",
        "<p>Bitte gehen Sie so vor:</p><ol><li>Abmelden</li><li>Cookies löschen</li><li>Neu anmelden</li></ol>",
        "Ich prüfe das gern für Sie.",
        "<p>Vielen Dank und schöne Grüße aus Köln!</p>",
    ],
    notes: &["Kunde möchte Rückruf, {n} Plätze."],
    thanks: &["Herzlichen Dank!", "super, danke schön & schönes Wochenende"],
    firsts: &[
        ("Jürgen", "juergen"),
        ("Käthe", "kaethe"),
        ("Lena", "lena"),
        ("Björn", "bjoern"),
        ("Sönke", "soenke"),
    ],
    lasts: &[
        ("Groß", "gross"),
        ("Müller-Lüdenscheidt", "mueller"),
        ("von der Heide", "vdheide"),
        ("Yıldız", "yildiz"),
    ],
    places: &[
        place(
            "{\"city\":\"Köln\",\"region\":\"NW\",\"country\":\"DE\",\"countryName\":\"Germany\",\"postalCode\":\"50667\",\"latitude\":50.94,\"longitude\":6.96}",
            "Europe/Berlin",
        ),
        place(
            "{\"city\":\"Zürich\",\"region\":\"ZH\",\"country\":\"CH\",\"countryName\":\"Switzerland\",\"postalCode\":\"8001\",\"latitude\":47.37,\"longitude\":8.54}",
            "Europe/Zurich",
        ),
    ],
};

const FR: Table = Table {
    locale: "fr-FR",
    greetings: &["<p>Bonjour&nbsp;! Que pouvons-nous faire pour vous&nbsp;?</p>"],
    buttons: &["Voir les tarifs", "Réserver une démo", "J'ai besoin d'aide"],
    asks: &["Quelle est votre adresse e-mail ?"],
    handoffs: &["<p>Un instant, <b>{agent}</b> arrive.</p>"],
    questions: &[
        "Bonjour, l'essai gratuit dure combien de jours ?",
        "On est {n} dans l'équipe, y a-t-il un tarif dégressif ?",
        "J'ai reçu « erreur {n} » en exportant… ça marchait hier",
        "Où sont hébergées les données ? Œuvre d'art, Noël, garçon : les accents passent ?",
        "d'accord",
    ],
    answers: &[
        "<p>Bonjour {name}, {agent} à l&#39;appareil. L&#39;essai dure 14&nbsp;jours.</p>",
        "<p>Tout est expliqué <a href=\"https://www.harbor.example{page}\">sur cette page</a>&nbsp;: {n} options.</p>",
        "<p>Je regarde ça tout de suite.</p>",
        "<p>C&#39;est réparé&nbsp;✅</p>",
    ],
    notes: &["À rappeler lundi, dossier n° {n}"],
    thanks: &["Merci beaucoup !", "parfait, bonne journée 🌞"],
    firsts: &[("Zoé", "zoe"), ("François", "francois"), ("Aïcha", "aicha"), ("Loïc", "loic")],
    lasts: &[("D'Estaing", "destaing"), ("Lefèvre", "lefevre"), ("Ngo Bâ", "ngoba")],
    places: &[place(
        "{\"city\":\"Besançon\",\"region\":\"BFC\",\"country\":\"FR\",\"countryName\":\"France\",\"postalCode\":\"25000\",\"latitude\":47.24,\"longitude\":6.02}",
        "Europe/Paris",
    )],
};

const ES: Table = Table {
    locale: "es-MX",
    greetings: &["<p>¡Hola! ¿En qué podemos ayudarte?</p>"],
    buttons: &["Ver precios", "Agendar demostración", "Soporte técnico"],
    asks: &["¿Cuál es tu correo electrónico?"],
    handoffs: &["<p>Te paso con <b>{agent}</b>.</p>"],
    questions: &[
        "¿Tienen descuento para ONG?",
        "Somos {n} personas, ¿cuánto sería al año?",
        "No me llega el correo de confirmación desde hace {n} minutos 😕",
        "¿Funciona con HubSpot & Salesforce?",
        "sí",
    ],
    answers: &[
        "<p>Hola {name}, soy {agent}. ¡Claro que sí!</p>",
        "<p>Mira <a href=\"https://www.harbor.example{page}\">esta página</a>, ahí está todo.</p>",
        "<p>Son {n} dólares al año.</p>",
        "<p>Ya quedó, ¿puedes probar otra vez?</p>",
    ],
    notes: &["Cliente pide factura con RFC, monto {n}"],
    thanks: &["¡Muchísimas gracias!", "gracias 🙏"],
    firsts: &[("Íñigo", "inigo"), ("María José", "mariajose"), ("Begoña", "begona"), ("Raúl", "raul")],
    lasts: &[("Núñez", "nunez"), ("García Márquez", "garcia"), ("Ibáñez", "ibanez")],
    places: &[place(
        "{\"city\":\"Mérida\",\"region\":\"YUC\",\"country\":\"MX\",\"countryName\":\"Mexico\",\"postalCode\":\"97000\",\"latitude\":20.97,\"longitude\":-89.62}",
        "America/Merida",
    )],
};

const PT: Table = Table {
    locale: "pt-BR",
    greetings: &["<p>Olá! Como podemos ajudar?</p>"],
    buttons: &["Ver preços", "Agendar demonstração", "Não consigo entrar"],
    asks: &["Qual é o seu e-mail?"],
    handoffs: &["<p>Vou chamar <b>{agent}</b>, um instante.</p>"],
    questions: &[
        "Boa tarde! Vocês aceitam Pix?",
        "Não consigo acessar, aparece código {n}",
        "Precisamos de {n} licenças até amanhã, é possível?",
        "Onde fica a opção de exportação?",
        "isso",
    ],
    answers: &[
        "<p>Olá {name}, aqui é {agent}. Aceitamos, sim.</p>",
        "<p>Em <b>Configurações → Exportação</b>, ou <a href=\"https://www.harbor.example{page}\">aqui</a>.</p>",
        "<p>Já liberei as {n} licenças.</p>",
    ],
    notes: &["Verificar pagamento {n}"],
    thanks: &["Muito obrigado!", "valeu 😄"],
    firsts: &[("João", "joao"), ("Conceição", "conceicao"), ("Tainá", "taina")],
    lasts: &[("Guimarães", "guimaraes"), ("Simões", "simoes"), ("d'Ávila", "davila")],
    places: &[place(
        "{\"city\":\"São Paulo\",\"region\":\"SP\",\"country\":\"BR\",\"countryName\":\"Brazil\",\"postalCode\":\"01310\",\"latitude\":-23.56,\"longitude\":-46.65}",
        "America/Sao_Paulo",
    )],
};

const JA: Table = Table {
    locale: "ja-JP",
    greetings: &["<p>こんにちは!ご用件をお選びください。</p>"],
    buttons: &["料金について", "デモを予約する", "サポート"],
    asks: &["メールアドレスを教えてください。"],
    handoffs: &["<p>担当の<b>{agent}</b>におつなぎします。</p>"],
    questions: &[
        "請求書払いはできますか?",
        "{n}名で利用した場合の年間費用を知りたいです。",
        "ログインすると「エラー{n}」と表示されます。",
        "了解です",
        "「<」や「&」も入力できますか?",
    ],
    answers: &[
        "<p>{name}様、お問い合わせありがとうございます。{agent}と申します。</p>",
        "<p>詳細は<a href=\"https://www.harbor.example{page}\">こちら</a>をご覧ください。</p>",
        "<p>{n}名様ですと、年払いがお得です。</p>",
        "<p>修正いたしました。再度お試しください。🙇‍♀️</p>",
    ],
    notes: &["見積り依頼({n}名)"],
    thanks: &["ありがとうございました。", "助かりました😊"],
    firsts: &[("陽菜", "hina"), ("蓮", "ren"), ("さくら", "sakura")],
    lasts: &[("佐藤", "sato"), ("髙橋", "takahashi"), ("渡邊", "watanabe")],
    places: &[place(
        "{\"city\":\"横浜市\",\"region\":\"14\",\"country\":\"JP\",\"countryName\":\"Japan\",\"postalCode\":\"220-0011\",\"latitude\":35.46,\"longitude\":139.62}",
        "Asia/Tokyo",
    )],
};

const AR: Table = Table {
    locale: "ar-EG",
    greetings: &["<p dir=\"rtl\">أهلاً وسهلاً! كيف يمكننا مساعدتك؟</p>"],
    buttons: &["الأسعار", "احجز عرضاً", "الدعم الفني"],
    asks: &["ما هو بريدك الإلكتروني؟"],
    handoffs: &["<p dir=\"rtl\">سأحوّلك الآن إلى <b>{agent}</b>.</p>"],
    questions: &[
        "مرحباً، هل لديكم خصم للجمعيات؟",
        "نحن {n} موظفاً، كم التكلفة السنوية؟",
        "تظهر لي رسالة (خطأ {n}) عند الدخول إلى API",
        "نعم",
        "هل يدعم النظام العربية & English معاً؟",
    ],
    answers: &[
        "<p dir=\"rtl\">أهلاً {name}، معك {agent}.</p>",
        "<p dir=\"rtl\">التفاصيل في <a href=\"https://www.harbor.example{page}\">هذه الصفحة</a>.</p>",
        "<p dir=\"rtl\">تم الإصلاح، جرّب مرة أخرى من فضلك.\u{200f}</p>",
    ],
    notes: &["عميل مهم، {n} مقعداً"],
    thanks: &["شكراً جزيلاً!", "تمام 🌹"],
    firsts: &[("ليلى", "layla"), ("محمد", "mohamed"), ("نور", "nour")],
    lasts: &[("عبد الرحمن", "abdelrahman"), ("الحدّاد", "haddad")],
    places: &[place(
        "{\"city\":\"القاهرة\",\"region\":\"C\",\"country\":\"EG\",\"countryName\":\"Egypt\",\"postalCode\":\"11511\",\"latitude\":30.04,\"longitude\":31.24}",
        "Africa/Cairo",
    )],
};

const HI: Table = Table {
    locale: "hi-IN",
    greetings: &["<p>नमस्ते 🙏 हम आपकी क्या मदद कर सकते हैं?</p>"],
    buttons: &["कीमत देखें", "डेमो बुक करें", "सहायता"],
    asks: &["आपका ईमेल पता क्या है?"],
    handoffs: &["<p>मैं आपको <b>{agent}</b> से जोड़ रहा हूँ।</p>"],
    questions: &[
        "क्या आप UPI से भुगतान लेते हैं?",
        "{n} लोगों के लिए सालाना कितना लगेगा?",
        "लॉगिन करते समय त्रुटि {n} आ रही है",
        "हाँ",
    ],
    answers: &[
        "<p>नमस्ते {name} जी, मैं {agent} हूँ।</p>",
        "<p>पूरी जानकारी <a href=\"https://www.harbor.example{page}\">यहाँ</a> है।</p>",
        "<p>अब ठीक है, कृपया फिर से कोशिश करें।</p>",
    ],
    notes: &["ग्राहक को {n} सीटें चाहिए"],
    thanks: &["बहुत धन्यवाद!", "शुक्रिया 😊"],
    firsts: &[("प्रिया", "priya"), ("अर्जुन", "arjun"), ("कृष्णा", "krishna")],
    lasts: &[("शर्मा", "sharma"), ("त्रिपाठी", "tripathi")],
    places: &[place(
        "{\"city\":\"पुणे\",\"region\":\"MH\",\"country\":\"IN\",\"countryName\":\"India\",\"postalCode\":\"411001\",\"latitude\":18.52,\"longitude\":73.86}",
        "Asia/Kolkata",
    )],
};

const ZH: Table = Table {
    locale: "zh-TW",
    greetings: &["<p>您好!請問需要什麼協助?</p>"],
    buttons: &["查看價格", "預約示範", "技術支援"],
    asks: &["請問您的電子郵件是?"],
    handoffs: &["<p>正在為您轉接<b>{agent}</b>。</p>"],
    questions: &[
        "請問可以開立發票嗎?",
        "我們有{n}個人,一年費用多少?",
        "出現錯誤代碼{n},𠮷野家分店無法登入",
        "好",
    ],
    answers: &[
        "<p>{name}您好,我是{agent},很高興為您服務。</p>",
        "<p>請參考<a href=\"https://www.harbor.example{page}\">此頁</a>,共{n}項。</p>",
    ],
    notes: &["潛在客戶,{n}席"],
    thanks: &["謝謝!", "太好了👍"],
    firsts: &[("怡君", "yijun"), ("志明", "zhiming")],
    lasts: &[("陳", "chen"), ("歐陽", "ouyang")],
    places: &[place(
        "{\"city\":\"台北市\",\"region\":\"TPE\",\"country\":\"TW\",\"countryName\":\"Taiwan\",\"postalCode\":\"100\",\"latitude\":25.03,\"longitude\":121.56}",
        "Asia/Taipei",
    )],
};

const UK: Table = Table {
    locale: "uk-UA",
    greetings: &["<p>Вітаємо! Чим можемо допомогти?</p>"],
    buttons: &["Дізнатися ціну", "Замовити демо", "Підтримка"],
    asks: &["Яка ваша електронна адреса?"],
    handoffs: &["<p>Зараз підключу <b>{agent}</b>.</p>"],
    questions: &[
        "Чи є знижка для навчальних закладів?",
        "Нас {n} осіб, яка ціна на рік?",
        "Помилка {n} під час імпорту",
        "так",
    ],
    answers: &[
        "<p>Добрий день, {name}! Мене звати {agent}.</p>",
        "<p>Усе описано <a href=\"https://www.harbor.example{page}\">на цій сторінці</a>.</p>",
    ],
    notes: &["Передзвонити, {n} місць"],
    thanks: &["Щиро дякую!", "дякую 💛💙"],
    firsts: &[("Олена", "olena"), ("Тарас", "taras")],
    lasts: &[("Лук'яненко", "lukyanenko"), ("Шевчук", "shevchuk")],
    places: &[place(
        "{\"city\":\"Львів\",\"region\":\"46\",\"country\":\"UA\",\"countryName\":\"Ukraine\",\"postalCode\":\"79000\",\"latitude\":49.84,\"longitude\":24.03}",
        "Europe/Kyiv",
    )],
};
