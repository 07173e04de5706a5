"""What a text that came in means. Pure: words in, meaning out. Whatever is not plainly one of these needs a person."""

import re
import unicodedata

from notifications.models import Meaning

# The opt-out words are those that networks and providers act on by themselves; the others are asked for in our own texts.
CONFIRM = frozenset({"c", "confirm", "confirmed", "confirme", "yes", "oui", "y"})
PASS = frozenset({"n", "no", "non", "pass"})
# Opt-outs for every network, but somebody who writes them may mean the visit. Never asked for in our texts.
MAY_MEAN_THE_VISIT = frozenset({"cancel", "end", "quit"})
STOP = MAY_MEAN_THE_VISIT | {"stop", "stopall", "arret", "arreter", "unsubscribe", "desabonner", "optout", "revoke"}
START = frozenset({"start", "unstop"})
HELP = frozenset({"help", "info", "aide"})
_POLITE = frozenset({"please", "thanks", "thank", "you", "ok", "okay", "merci", "svp", "great", "perfect"})
_TEXTS = frozenset({"texting", "texts", "text", "messages", "messaging", "sms", "me", "all", "now"})


def words_of(body: str) -> list[str]:
    """The words in small letters, without accents, marks and pictures: "Arrêt!" → ["arret"]."""
    plain = unicodedata.normalize("NFKD", body.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return re.findall(r"[a-z0-9]+", plain.replace("opt out", "optout").replace("opt-out", "optout"))


def meaning_of(body: str) -> Meaning:
    """The meaning of the whole text: "C", "Oui merci", "STOP texting me"; a sentence of its own needs a person."""
    words = words_of(body)
    if not words:
        return Meaning.OTHER
    first, rest = words[0], frozenset(words[1:])
    for meaning, known, may_follow in (
        (Meaning.STOP, STOP, _POLITE | _TEXTS),
        (Meaning.START, START, _POLITE | _TEXTS),
        (Meaning.HELP, HELP, _POLITE | _TEXTS),
        (Meaning.CONFIRM, CONFIRM, _POLITE | CONFIRM),
        (Meaning.PASS, PASS, _POLITE),
    ):
        if first in known and rest <= may_follow:
            return meaning
    return Meaning.OTHER
