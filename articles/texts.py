"""The pages a new site starts with, and the demo's three articles.

Written once; from then on the editor owns the text. Only what is missing is created. Before a clinic goes live, a physician
reads the articles and a privacy officer the policy.
"""

from typing import Any

Block = dict[str, Any]


def p(html: str) -> Block:
    """A paragraph of limited rich text."""
    return {"type": "paragraph", "value": f"<p>{html}</p>"}


def ul(*items: str) -> Block:
    """A list."""
    return {"type": "paragraph", "value": "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"}


def h(text: str) -> Block:
    """A heading."""
    return {"type": "heading", "value": text}


def h3(text: str) -> Block:
    """A smaller heading."""
    return {"type": "subheading", "value": text}


def note(kind: str, title: str, html: str) -> Block:
    """A boxed remark: "warn" or "info"."""
    return {"type": "note", "value": {"kind": kind, "title": title, "text": f"<p>{html}</p>"}}


def phases(title: str, *steps: tuple[str, str]) -> Block:
    """A time line."""
    return {
        "type": "phases",
        "value": {"title": title, "phases": [{"when": when, "what": what} for when, what in steps]},
    }


def rows(title: str, left: str, right: str, *pairs: tuple[str, str]) -> Block:
    """A table of two columns."""
    return {
        "type": "rows",
        "value": {
            "title": title,
            "left": left,
            "right": right,
            "rows": [{"term": term, "text": f"<p>{text}</p>"} for term, text in pairs],
        },
    }


def steps(*pairs: tuple[str, str]) -> Block:
    """Numbered steps."""
    return {"type": "steps", "value": {"steps": [{"title": title, "text": text} for title, text in pairs]}}


HOME = {
    "title": "Find out what is happening with your hair, and what you can do about it",
    "lede": "A physician looks at your scalp and your history, tells you the likely cause, and goes through your options.",
    "seo_title": "Hair loss assessments in Kitchener – True North Metabolic",
    "search_description": "Hair loss assessments by physicians in Kitchener, Ontario. Book online without an account.",
}

INDEX = {
    "title": "Articles",
    "search_description": "Hair loss in plain words: causes, treatments and visits. Each article is reviewed by a physician.",
    "intro": "What we know about hair loss, in plain words. A physician has reviewed each one.",
}

# (model name, slug, title, intro, body, more fields)
PAGES: list[tuple[str, str, str, str, list[Block], dict[str, Any]]] = [
    (
        "StandardPage",
        "first-visit",
        "Your first visit",
        "Thirty minutes with a physician. You do not have to decide anything that day.",
        [
            h("Before you come"),
            p(
                "When you book, you answer questions about your hair and your health. It takes 6 to 8 minutes. Your physician "
                "reads the answers before you sit down, so that your half hour goes to you and not to a clipboard."
            ),
            p("What helps on the day:"),
            ul(
                "a list of your medicines and vitamins, with the doses",
                "photo ID",
                "clean, dry hair, without fibres or styling products",
                "older photos of your hair, if you have some on your phone",
            ),
            h("What happens, step by step"),
            steps(
                (
                    "You arrive, 5 minutes early",
                    "Reception checks your name and date of birth, and shows you to a seat.",
                ),
                (
                    "You talk, about 10 minutes",
                    "When it started, what changed around then, what you have tried, and what you hope for.",
                ),
                (
                    "We look, about 10 minutes",
                    "The hairline, the parting, the crown, and the scalp itself through a small lens. It does not hurt.",
                ),
                (
                    "You hear what we think, about 5 minutes",
                    "The likely cause, how sure we are, and if a blood test would help.",
                ),
                (
                    "You get a plan, about 5 minutes",
                    "Your options with their benefits, risks and costs, and the option to wait. You can take it home and think.",
                ),
            ),
            h("What we do not do that day"),
            p(
                "We do not start a treatment in the first visit unless you want to and it is safe to. We do not sell products. "
                "If the cause lies outside our field, we say so and write to your family doctor, if you agree."
            ),
            note(
                "info",
                "Bring someone if you like",
                "A friend or relative may sit in. If you need an interpreter, or more time, call us before your visit.",
            ),
        ],
        {"show_booking": True, "search_description": "What happens at a first hair assessment, minute by minute."},
    ),
    (
        "StandardPage",
        "treatments",
        "Treatments",
        "What can be done depends on the cause. So a treatment starts with a diagnosis.",
        [
            p(
                "There are several kinds of hair loss, and they are treated in different ways. Some get better by themselves. "
                "Some can be slowed. Some need a skin specialist soon. Below is what we may talk about with you, and what each "
                "one asks of you."
            ),
            h("Waiting and watching"),
            p(
                "After a fever, a birth, surgery or a hard time, hair often falls for some months and then returns without "
                "treatment. Then the plan is to look for a cause that can be corrected, take photos, and look again."
            ),
            h("Treatments you use at home"),
            p(
                "Liquids or foams for the scalp, and tablets. They work for as long as they are used, and it takes months to "
                "see if they help. Some are not safe in pregnancy or together with other medicines, so we check first."
            ),
            h("Treatments at the clinic"),
            p(
                "Injections of small amounts of medicine into the skin of the scalp, in sessions some weeks apart, then upkeep "
                "visits. A session takes about 45 minutes. A physician plans it, and a registered nurse or a physician gives it."
            ),
            h("What we refer"),
            p(
                "Scarring hair loss, sudden patches, sores, and hair transplants go to a specialist. We write the referral and "
                "explain what to expect."
            ),
            rows(
                "Questions worth asking about any treatment",
                "Ask",
                "Because",
                ("What is the cause, and how sure are you?", "A treatment for one cause may do nothing for another."),
                ("What happens if I do nothing?", "Sometimes waiting is a good choice, sometimes it costs hair."),
                ("How long until we know?", "Most need 3 to 6 months before anyone can tell."),
                ("What are the side effects?", "Common ones, rare ones, and what to do if you notice one."),
                ("What happens when I stop?", "Pattern hair loss goes on when treatment stops."),
                ("What does a year of it cost?", "Including visits, and what your insurance covers."),
            ),
            note(
                "warn",
                "See someone sooner",
                "Sudden bald patches, pain, sores or scaling on the scalp, or fever with hair loss should be looked at soon. Call "
                "your family doctor, a walk-in clinic, or Health811 at 8-1-1.",
            ),
        ],
        {"show_booking": True, "search_description": "Kinds of treatment for hair loss, and questions worth asking."},
    ),
    (
        "PhysiciansPage",
        "physicians",
        "Physicians",
        "Choose a person, or take the soonest time with anyone. All of them read your answers before you come.",
        [
            p(
                "Every physician here is registered with the College of Physicians and Surgeons of Ontario (CPSO). You can look "
                "up any physician in the public register. Scalp treatments are given by a registered nurse or a physician."
            ),
        ],
        {"search_description": "The physicians of True North Metabolic, with their CPSO numbers and soonest times."},
    ),
    (
        "FeesPage",
        "fees",
        "Fees",
        "What each visit costs. You pay at the visit, and we tell you about any other cost before it comes up.",
        [
            p(
                "Hair assessments and treatments are not covered by OHIP. Some private plans and health spending accounts pay a "
                "part: we give you a receipt with the details they ask for."
            ),
            h("Changing or cancelling"),
            p(
                "Until 24 hours before your visit you can change or cancel by your link, and there is no fee. After that, call "
                "us: if you are ill or something has happened, we will not charge you."
            ),
            h("What may be extra"),
            ul(
                "Blood tests: most are covered by OHIP when a physician orders them for a medical reason. We say so if one is not.",
                "Medicines: your pharmacy charges you, and your drug plan may cover them.",
                "A letter or form for your insurer: we tell you the price before we write it.",
            ),
            h("How to pay"),
            p("Debit, Visa or Mastercard at the desk. We do not keep card numbers, and you do not pay to book."),
        ],
        {"search_description": "Fees for assessments, follow-ups and treatments, and for late cancellation."},
    ),
    (
        "ContactPage",
        "contact",
        "Contact",
        "The phone is the quickest way to a person.",
        [
            h("Getting here"),
            p(
                "Parking behind the building is free. The entrance at the side has no steps, and an elevator goes to the second "
                "floor. The washroom beside the waiting room is wheelchair accessible. Service animals are welcome."
            ),
            note(
                "warn",
                "Not for emergencies",
                "In an emergency, call 9-1-1. For health advice at any hour, call Health811 at 8-1-1. If you are thinking about "
                "suicide, call or text 9-8-8, any time.",
            ),
        ],
        {"search_description": "Phone, address, hours and how to get to True North Metabolic in Kitchener."},
    ),
    (
        "AccessibilityPage",
        "accessibility",
        "Accessibility",
        "Everyone should be able to book and to be cared for here. If something is in your way, we want to know.",
        [
            h("This website"),
            p(
                "We build these pages to the Web Content Accessibility Guidelines (WCAG) 2.2, level AA, which goes beyond what "
                "Ontario’s accessibility law (AODA) asks of us. They work with a keyboard, with screen readers, at 400 % zoom, "
                "without JavaScript, and in light and dark. Codes can be pasted, a time we hold for you can be held "
                "longer, and if a page closes to keep your answers private, they are saved."
            ),
            h("Our clinic"),
            ul(
                "The side entrance has no steps. An elevator goes to the second floor.",
                "Doors and rooms are wide enough for a wheelchair, and one examination chair can be lowered.",
                "Support persons and service animals are welcome in every room.",
                "We can book you more time, or a time when the waiting room is quiet.",
            ),
            h("Other ways to book, and other formats"),
            p(
                "You can do all of this by phone. We also give you any text on this site, your answers and your plan in another "
                "format, such as large print or plain text, at no cost. Tell us what works for you. If you use a relay service, "
                "we take the call."
            ),
            h("Tell us about a problem"),
            p(
                "Call us, write to us by email, or tell anyone at the desk. Say what you wanted to do and what got in the way. We "
                "answer within 5 working days, and we tell you what we will change. The clinic’s phone number and email are on "
                'the <a href="/contact/">contact page</a>.'
            ),
            h("What we know is not good enough yet"),
            ul(
                "The site is in English only. French is being prepared.",
                "Articles have no audio version yet. We read one to you on the phone if you ask.",
            ),
        ],
        {"search_description": "How this site and this clinic work for everyone, and how to report a problem."},
    ),
    (
        "StandardPage",
        "privacy",
        "Privacy",
        "What we ask, who sees it, how we protect it, and what you can ask of us.",
        [
            p(
                "True North Metabolic is a health information custodian under Ontario’s Personal Health Information Protection "
                "Act, 2004 (PHIPA). This page describes what we do with your information, online and in the clinic. It was last "
                "changed on November 2, 2026."
            ),
            note(
                "info",
                "In short",
                "Your answers are encrypted and read only by the people who care for you. Our messages never say why you are "
                "visiting. There are no trackers on these pages.",
            ),
            h("What we collect, and why"),
            rows(
                "The information we collect",
                "What",
                "Why",
                ("Name, date of birth", "To know who you are, and to keep your record apart from everyone else’s."),
                ("Mobile number, email", "For your code, your confirmation and your reminders, in the way you choose."),
                (
                    "Your answers about hair and health",
                    "For your care. Your physician reads them before and during your visit.",
                ),
                ("Your visits: when, with whom, what kind", "To hold your time, and to bill you."),
                (
                    "The article you booked from, as a number",
                    "To learn which articles are useful. It is not shown to your physician.",
                ),
                (
                    "Who opened your record, and when",
                    "So that you can ask, and so that we can notice if someone should not have.",
                ),
            ),
            p(
                "We do not ask for your health card number online. We do not buy, sell or trade information, and we do not use your "
                "answers for advertising or research without asking you first."
            ),
            h("Who sees your answers"),
            ul(
                "Your physician and the clinical staff who care for you. Each time, the system notes who looked.",
                "Reception sees that your questions are answered, not what you wrote. If you ask reception to fill them in with "
                "you by phone, they see the answers while you talk.",
                "Nobody else, unless you agree or the law requires it, for example to prevent serious harm.",
            ),
            p(
                "If you wish, we share what is needed with your family doctor or another provider. You can tell us not to share "
                "some part of your record. We will explain what that means for your care."
            ),
            h("How we protect it"),
            ul(
                "Answers are encrypted in our database, with keys that are kept apart from it, and on their way to us.",
                "Staff sign in with a password and a second factor. Screens lock when left alone.",
                "Links to your visit are private. Your answers need one more check.",
                "Emails, texts and calendar entries give the time and the place. They never say why.",
                "Backups are encrypted as well.",
            ),
            h("Where it is kept"),
            p(
                "Our computers and backups are in Canada. The companies that carry our emails and texts see your address and the "
                "message, which holds no health information beyond the fact of an appointment."
            ),
            h("How long we keep it"),
            rows(
                "Records, and when they end",
                "What",
                "How long",
                (
                    "Your health record",
                    "10 years after the last entry, as the rules for physicians in Ontario require.",
                ),
                ("Answers you began and did not send", "30 days after you last opened them. Then they are deleted."),
                (
                    "Codes and links",
                    "A code works for 15 minutes. A visit’s link stops working 24 hours after the visit.",
                ),
                ("The list of who opened your record", "As long as the record."),
            ),
            h("This website"),
            p(
                "The pages you read set no cookie. The accessibility page sets one that protects its form, and keeps your choice "
                "of light or dark in another. When you book, one cookie keeps your place and one protects the forms; the first "
                "ends with your session. There is no analytics, no advertising and nothing from other companies on any page."
            ),
            h("What you can ask of us"),
            ul(
                "To see your record, or to have a copy. We answer within 30 days.",
                "To correct it if something is wrong. If we disagree, we add your statement to it.",
                "To know who has looked at it.",
                "To stop texts or emails: reply STOP, or tell us. You keep your visit.",
                "To withdraw a consent you gave. We stop from then on.",
            ),
            p(
                'Call or write to our privacy officer: the phone number and the address are on the <a href="/contact/">contact '
                "page</a>. Write “Privacy officer” on the envelope, and leave health details out of emails."
            ),
            h("If something goes wrong"),
            p(
                "If your information is lost, stolen or seen by someone who should not have, we tell you as soon as we can, what "
                "happened and what we do about it."
            ),
            h("If you are not satisfied with our answer"),
            p(
                "You can complain to the Information and Privacy Commissioner of Ontario: 2 Bloor Street East, Suite 1400, "
                'Toronto, Ontario M4W 1A8, 1-800-387-0073, <a href="https://www.ipc.on.ca/">ipc.on.ca</a>. It costs nothing, '
                "and it does not change your care here."
            ),
        ],
        {"search_description": "How True North Metabolic collects, uses, protects and keeps your health information."},
    ),
    (
        "StandardPage",
        "disclaimer",
        "Medical disclaimer",
        "What our articles can do for you, and what they cannot.",
        [
            h("General information, not advice for you"),
            p(
                "The articles on this site explain hair loss and its treatment in general. They do not know your history, your "
                "scalp or your medicines. Reading one does not make you our patient, and it does not replace a visit with a "
                "health-care provider."
            ),
            h("Do not start, change or stop a treatment because of what you read here"),
            p(
                "Talk with a physician, nurse practitioner or pharmacist first. This matters most if you are pregnant or may become "
                "pregnant, if you are breastfeeding, if you take other medicines, or if you have a heart, liver or kidney "
                "condition."
            ),
            h("Results differ"),
            p(
                "No treatment for hair loss works for everyone. How much a person gains, and how soon, depends on the cause, on "
                "genes, on how long the loss has gone on and on what else is done. We promise a careful assessment, not a result."
            ),
            h("Medicines and their approved uses"),
            p(
                "Some medicines are used for hair loss although Health Canada approved them for something else. This is called "
                "off-label use. It is lawful and common, and your physician tells you when it applies to you and what is known."
            ),
            h("How we write"),
            p(
                "Each article names its author, the physician who reviewed it, the date of that review, and its sources. We look "
                "at every article again within 12 months. Nobody pays us to write about a product. If you find a mistake, "
                'tell us: the <a href="/contact/">contact page</a> says how.'
            ),
            note(
                "warn",
                "In an emergency",
                "Call 9-1-1. If you are thinking about suicide, call or text 9-8-8, any time, day or night. For health advice "
                "that cannot wait, call Health811 at 8-1-1.",
            ),
        ],
        {"search_description": "What the articles on this site are, and what they are not."},
    ),
]

ARTICLES: list[dict[str, Any]] = [
    {
        "slug": "dutasteride-mesotherapy",
        "title": "Dutasteride mesotherapy, and what it does",
        "topic": "treatments",
        "author": "Kelly Byrne, RN",
        "reviewer": "lena-marchetti",
        "days_ago": 15,
        "summary": "How a scalp treatment for pattern hair loss works, what it can and cannot do, and how long it takes.",
        "search_description": "How dutasteride mesotherapy works in pattern hair loss, how long it takes, and who it is not for.",
        "points": [
            "It places tiny doses of a medicine into the scalp, near the follicles.",
            "It aims to lower DHT, the hormone behind pattern hair loss, where it matters.",
            "It is slow. Most people wait 3 to 6 months to see a change in density.",
        ],
        "body": [
            p(
                "In pattern hair loss (physicians say androgenetic alopecia), some follicles react to a hormone called DHT. Over "
                "years they shrink. Each hair grows back a little shorter, finer and paler than the one before, and the growing "
                "phase gets shorter too. This is called miniaturization. It shows first where follicles are most sensitive: at the "
                "front and on the crown."
            ),
            p(
                "Dutasteride is a 5-alpha-reductase inhibitor. It blocks the enzyme that turns testosterone into DHT. With less "
                "DHT around the follicle, shedding can settle, and follicles that are still responsive can make thicker hairs again."
            ),
            h("Why put it into the scalp?"),
            p(
                "Mesotherapy means many very small injections into the skin. The goal is to keep the medicine near the follicles "
                "and limit how much reaches the rest of the body. Some people prefer this because they worry about side effects of "
                "daily tablets, such as changes in sexual function or mood. Others want a treatment that happens at the clinic."
            ),
            p(
                "Limiting is not the same as none. Some of the medicine can reach the blood, it stays in the body for months, and "
                "studies of the injections are small. Your physician goes through this with you before you decide."
            ),
            h("What it is for"),
            ul(
                "<b>Slow the shedding.</b> Fewer hairs in the shower and on the pillow.",
                "<b>Make hair thicker.</b> Wider strands, and more cover where follicles still respond.",
                "<b>Keep what you have.</b> Pattern hair loss goes on for life, so holding the line is a goal of its own.",
            ),
            phases(
                "When people usually notice a change",
                ("6 to 12 weeks", "Less shedding in the shower and on the pillow"),
                ("3 to 6 months", "Hair looks and feels thicker in some areas"),
                ("Up to 12 months", "Density keeps improving; then upkeep visits"),
            ),
            h("How treatment goes"),
            p(
                "It starts with an induction phase: a number of sessions, some weeks apart. Then come maintenance sessions, further "
                "apart. The condition is chronic. When treatment stops, pattern hair loss tends to go on from where it was."
            ),
            p(
                "Results differ from person to person. They depend on your genes, how long you have been losing hair, how far it "
                "has gone, and what else you use, such as minoxidil. A follicle that has been bare for many years rarely comes back."
            ),
            note(
                "warn",
                "It is not for everyone",
                "It is not used in pregnancy, while breastfeeding, or by people who may become pregnant. In Canada dutasteride is "
                "approved for an enlarged prostate; for hair it is off-label use. It also lowers PSA, a blood test for the "
                "prostate, so tell anyone who orders that test. Sudden, patchy or painful hair loss can have other causes and "
                "needs a different plan.",
            ),
            h("Is it right for you?"),
            p(
                "That starts with a diagnosis. A physician looks at your scalp, your history and your goals, confirms whether this "
                "is pattern hair loss, and explains the options, including doing nothing for now."
            ),
        ],
        "sources": [
            (
                "Moftah N, et al. Mesotherapy using dutasteride-containing preparation in treatment of female pattern hair loss. "
                "Journal of the European Academy of Dermatology and Venereology, 2013.",
                "",
            ),
            (
                "Saceda-Corralo D, et al. Mesotherapy with dutasteride for androgenetic alopecia: a retrospective study in real "
                "clinical practice. Journal of Drugs in Dermatology, 2022.",
                "",
            ),
            (
                "Herz-Ruelas ME, et al. Efficacy of intralesional and oral dutasteride in the treatment of androgenetic alopecia: a "
                "systematic review. Skin Appendage Disorders, 2020.",
                "",
            ),
            (
                "Health Canada. Drug Product Database: dutasteride product monographs.",
                "https://health-products.canada.ca/dpd-bdpp/",
            ),
        ],
    },
    {
        "slug": "shedding-or-pattern-hair-loss",
        "title": "Is it shedding, or pattern hair loss?",
        "topic": "causes",
        "author": "Kelly Byrne, RN",
        "reviewer": "amara-osei",
        "days_ago": 34,
        "summary": "Two common kinds of hair loss look alike in the shower. The story behind them is different.",
        "search_description": "How to tell temporary shedding from pattern hair loss, and when to see someone.",
        "points": [
            "Shedding starts 2 to 3 months after something happened to the body, and usually ends by itself.",
            "Pattern hair loss is slow, runs in families, and shows in typical places.",
            "You can have both at once, and then the story gets confusing.",
        ],
        "body": [
            p(
                "Everyone loses hair. Between 50 and 100 hairs a day is normal, and more on the day you wash it. A hair grows for "
                "some years, rests for about three months, and falls when the next one pushes up behind it. Trouble begins when too "
                "many hairs rest at the same time, or when the next one grows back smaller."
            ),
            h("Shedding: many hairs, all over, for a while"),
            p(
                "Physicians call it telogen effluvium. The body goes through something hard, and a large share of hairs move "
                "into the resting phase together. Two to three months later they fall. That gap is why people often do not connect "
                "the two. Common triggers:"
            ),
            ul(
                "a high fever or a serious infection",
                "giving birth",
                "surgery or an accident",
                "quick weight loss, or too little iron or protein",
                "a thyroid that is too slow or too fast",
                "a very hard time, such as grief",
                "starting or stopping some medicines, the birth control pill among them",
            ),
            p(
                "The hairs come out at the root, with a small pale bulb, from all over the head. The parting may look a little wider, "
                "but there are no bare areas. When the trigger is over, shedding usually slows down within 3 to 6 months. Hair "
                "then needs time to grow: about one centimetre a month."
            ),
            h("Pattern hair loss: smaller hairs, in typical places"),
            p(
                "Here the follicles shrink. There may be hardly any hair in the drain, and yet the cover gets thinner over the "
                "years. In men it often starts at the temples or the crown. In women the parting widens while the hairline stays. "
                "Genes from both sides of the family play a part."
            ),
            rows(
                "What tends to tell them apart",
                "Look at",
                "Shedding, or pattern?",
                (
                    "How it began",
                    "Shedding: you can nearly name the week. Pattern: you noticed it one day, and it had been going on.",
                ),
                ("Where it is thin", "Shedding: all over. Pattern: temples, crown or parting."),
                ("The hairs that fall", "Shedding: full length, many. Pattern: some of them short and fine."),
                ("What happened 2 to 3 months before", "Shedding: usually something. Pattern: nothing special."),
                ("The family", "Shedding: no clear link. Pattern: often a parent or grandparent."),
                ("With time", "Shedding: it usually ends. Pattern: it goes on, at its own pace."),
            ),
            h("What you can do now"),
            ul(
                "Write down what happened in the three months before it started: illness, birth, diet, medicines, worries.",
                "Take photos of the parting, the crown and the hairline in the same light, once a month.",
                "Go on washing your hair as usual. Washing brings out hairs that were ready to fall; it does not cause the loss.",
                "Wait with supplements until someone has checked. Biotin can make some blood tests wrong.",
            ),
            note(
                "warn",
                "Have it looked at soon",
                "If you lose hair in round patches, if the scalp hurts, burns, scales or has sores, if eyebrows or lashes go too, or "
                "if you feel unwell. These can be other conditions, and for some of them time matters.",
            ),
            h("What a physician adds"),
            p(
                "A look at the scalp through a small lens shows if hairs differ in width, which speaks for pattern hair loss. A "
                "gentle pull test shows how many hairs let go. Blood tests for iron or the thyroid are useful when the story points "
                "there. Often the answer is reassuring, and the plan is to wait and look again in three months."
            ),
        ],
        "sources": [
            ("Asghar F, et al. Telogen effluvium: a review of the literature. Cureus, 2020.", ""),
            ("Malkud S. Telogen effluvium: a review. Journal of Clinical and Diagnostic Research, 2015.", ""),
            (
                "Mubki T, et al. Evaluation and diagnosis of the hair loss patient. Journal of the American Academy of Dermatology, "
                "2014.",
                "",
            ),
            (
                "American Academy of Dermatology. Do you have hair loss or hair shedding?",
                "https://www.aad.org/public/diseases/hair-loss/insider/shedding",
            ),
        ],
    },
    {
        "slug": "what-happens-at-a-first-assessment",
        "title": "What happens at a first hair assessment",
        "topic": "visits",
        "author": "Kelly Byrne, RN",
        "reviewer": "priya-raman",
        "days_ago": 51,
        "summary": "What the physician asks, looks at and tests, and why each of them helps to find the cause.",
        "search_description": "The questions, the examination and the tests of a first hair assessment, and why they help.",
        "points": [
            "The story you tell does more than half of the work.",
            "The examination is gentle: a lens, a light and a few hairs.",
            "Blood tests are for some people, not for everyone.",
        ],
        "body": [
            p(
                "Hair loss is a sign, not a diagnosis. The same thin parting can come from genes, a thyroid, a tight hairstyle or a "
                "fever three months ago. An assessment sorts these out. It takes about half an hour."
            ),
            h("First, the story"),
            p(
                "When did it start, and how fast did it go? Is more hair falling, or is there less cover, or both? What "
                "happened in the months before? Which medicines and vitamins do you take? Who in the family has lost hair? Are "
                "periods regular? Has your weight changed? You answer most of this when you book, so the visit can go deeper "
                "where it matters."
            ),
            p(
                "You will also be asked how you are doing. Hair loss can weigh on people, and some treatments can affect mood. You "
                "can skip any question and talk about it in person."
            ),
            h("Then, a careful look"),
            rows(
                "What is looked at, and why",
                "What",
                "What it tells",
                (
                    "Where it is thin",
                    "Temples, crown, parting, all over or in patches: each points to different causes.",
                ),
                (
                    "The skin of the scalp",
                    "Redness, scales or scars. Scarring needs a specialist soon, because lost follicles do not return.",
                ),
                (
                    "Hairs through a lens (trichoscopy)",
                    "Hairs of many widths side by side speak for pattern hair loss.",
                ),
                (
                    "A gentle pull on about 50 hairs",
                    "Two or fewer coming out is normal. You can wash your hair beforehand; it makes no difference.",
                ),
                ("Eyebrows, lashes, nails", "They can show conditions of the immune system."),
            ),
            p("None of this hurts. With your consent we take photos, so that you and we can compare later."),
            h("Sometimes, blood tests"),
            p(
                "If the story points that way: iron stores, the thyroid, vitamin D, a blood count, or hormones when periods are "
                "irregular. If it does not, we leave them out. Tell us if you take biotin, also as part of a hair vitamin: it can "
                "make some results, thyroid tests among them, look wrong. You may be asked to stop it for a few days before."
            ),
            note(
                "info",
                "A biopsy is rare",
                "If scarring is suspected, a tiny sample of skin can settle the question. It is never done by surprise, and not in a "
                "first visit.",
            ),
            h("What you leave with"),
            ul(
                "the likely cause, in words you can repeat at home",
                "how sure we are, and what would make us change our mind",
                "your options, with benefits, risks and costs, and what happens if you wait",
                "a date to look again, if there is something to watch",
            ),
            p("You do not have to decide anything that day. Many people go home, think, and call."),
        ],
        "sources": [
            (
                "Phillips TG, Slomiany WP, Allison R. Hair loss: common causes and treatment. American Family Physician, 2017.",
                "",
            ),
            (
                "McDonald KA, et al. Hair pull test: evidence-based update and revision of guidelines. Journal of the American "
                "Academy of Dermatology, 2017.",
                "",
            ),
            (
                "Mubki T, et al. Evaluation and diagnosis of the hair loss patient: part II. Trichoscopic and laboratory evaluations. "
                "Journal of the American Academy of Dermatology, 2014.",
                "",
            ),
            (
                "Li D, et al. Association of biotin ingestion with performance of hormone and nonhormone assays in healthy adults. "
                "JAMA, 2017.",
                "",
            ),
        ],
    },
]
