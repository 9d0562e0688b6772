"""What the simulator says: a small grammar of everyday topics, cut into pieces as a tokenizer would.

Every sentence is whole English for every choice of words, so that any length reads like a text. The prompt only chooses the topic and
lends a few of its words to the first sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from random import Random
from unicodedata import category

Topic = tuple[str, ...]
"""Sentence patterns; `[a|b|c]` is a choice."""

TOPICS: Mapping[str, Topic] = {
    "sky weather rain cloud sun light blue wind snow climate": (
        "On a [clear|cold|calm] morning the sky looks [pale|deep|almost endless], because air scatters blue light more than red.",
        "Clouds form where [warm|moist] air rises and cools until its water condenses on tiny particles.",
        "[Rain|Drizzle|Snow] begins when the drops grow too heavy for the rising air to hold.",
        "Wind is air on its way from high pressure to low, [turned|bent|deflected] a little by the rotation of the Earth.",
        "A [falling|rising] barometer usually tells more about tomorrow than a look out of the window.",
        "At [dusk|sunset] the light crosses more air, and what is left of it is [orange|red|golden].",
        "Forecasts are good for about a week; after that, small errors have grown [too large|beyond repair].",
        "Fog is nothing but a cloud that touches the ground — beautiful from a hill, [less so|a nuisance] on a road.",
        "Temperatures near the [coast|sea] change slowly, since water stores far more heat than rock or soil.",
    ),
    "bread bake cook food kitchen recipe dough flour eat coffee tea": (
        "Good bread needs only flour, water, salt and [time|patience|a warm place].",
        "The dough should rest until it has [almost doubled|grown soft and round|begun to smell faintly sweet].",
        "Kneading lines up the gluten, which then holds the [bubbles|gas] that yeast produces.",
        "A [hot|well heated] oven sets the crust quickly and keeps the [inside|crumb] moist.",
        "Let the loaf cool for [half an hour|a while] before you cut it, or the crumb will turn [sticky|gummy].",
        "Sourdough takes longer, but the [slow|patient] fermentation gives it its taste.",
        "If the kitchen is [cold|cool], use slightly warmer water instead of more yeast.",
        "A pinch of salt [strengthens|tightens] the dough and keeps the yeast from hurrying.",
        "Coffee, like bread, [rewards|repays] attention: grind it fresh, weigh it, and watch the temperature.",
    ),
    "tree garden plant flower forest leaf seed soil green grow": (
        "A tree drinks through its roots and lifts the water [many metres|astonishingly far] without any pump.",
        "Leaves turn [yellow|red|golden] in autumn, because the tree withdraws the green pigment before it lets them go.",
        "Healthy soil holds more living things in a [handful|spoonful] than there are people in a [city|large country].",
        "Most garden plants want [regular|deep] watering rather than [frequent|hasty] sprinkling.",
        "Seeds wait for the right mixture of warmth, moisture and [darkness|light].",
        "Bees visit the [early|small] flowers first, when little else is in bloom.",
        "An old [oak|beech|lime] is a neighbourhood of its own: birds, beetles, mosses and fungi share it.",
        "Pruning in late winter [encourages|brings] strong growth as soon as the days get longer.",
        "Compost turns kitchen scraps into [dark|rich|crumbly] soil within a year.",
    ),
    "train travel city street bicycle bus road map journey walk transport": (
        "A [quiet|good] city is one in which a child can walk to school alone.",
        "Trains are at their best on journeys of [two|three|four] hours: faster than the road, calmer than the air.",
        "The first underground line opened in London in 1863, with [steam engines|gas lamps] below the streets.",
        "Bicycles turn almost all of a rider's effort into motion, which makes them [remarkably|unusually] efficient.",
        "A map is always a [choice|simplification]: what it leaves out makes the rest readable.",
        "Timetables that repeat every [hour|half hour] are easy to remember, and that alone brings passengers.",
        "Narrow streets stay cooler in summer, since the houses [shade|protect] each other.",
        "The shortest way is not always the [fastest|pleasantest], as every commuter knows.",
        "Markets grew where roads crossed, and many [towns|cities] still carry the shape of that crossing.",
    ),
    "sea ocean water tide river boat fish wave beach lake": (
        "Tides follow the Moon, with a [smaller|weaker] share from the Sun.",
        "Twice a month the two pull together, and the water rises [higher|further] than usual.",
        "Waves carry energy across the ocean, while the water itself hardly [travels|moves] at all.",
        "Rivers bring [salt|minerals] to the sea a little at a time, and evaporation leaves it there.",
        "Below a few hundred metres it is [dark|cold and dark], yet full of animals that make their own light.",
        "A harbour [behind|inside] a bend of the coast needs no wall against the storm.",
        "Lighthouses used to be told apart by the [rhythm|colour] of their flashes.",
        "Sand on a beach is always on its way somewhere else — the shore is [slow traffic|never finished].",
        "Ice floats because water is [lightest|less dense] when it freezes, which lets fish survive the winter below it.",
    ),
    "music song sound piano guitar listen concert melody voice instrument": (
        "A melody is [remembered|recognised] by its steps, not by its first note.",
        "Strings sound [fuller|warmer] in a wooden room, because the walls give back the low tones.",
        "Practising slowly is the [fastest|surest] way to play quickly later on.",
        "A choir sings in tune by [listening|breathing together], more than by reading.",
        "The interval of an octave is a doubling of the frequency, and nearly every [culture|tradition] knows it.",
        "Silence [before|after] a phrase is part of the music.",
        "Drums can carry a message over several [kilometres|valleys], as they did long before the telegraph.",
        "Old recordings lack the deep tones, and yet the [voice|singer] seems to stand in the room.",
        "Learning an [instrument|accompaniment] late in life works better than most people [expect|think].",
    ),
}  # fmt: skip

ENDINGS = ("", "", "", " 🌿", " 🙂")
"""What stands behind a paragraph: now and then an emoji, so that not all is one plane of Unicode."""

CLOSERS: Mapping[int, str] = {
    1: " ✨",
    2: " Enjoy.",
    3: " That helps.",
    4: " That is all.",
    5: " That is the point.",
    6: " That is how it works.",
    7: " That is how it usually works.",
    8: " That, in short, is all.",
}
"""Last words by their number of pieces, so that a text can end at any length."""

DOCUMENT = """\
## Why the sky is blue

Air scatters **short waves** far more than long ones. Lord Rayleigh found the law in 1871:

$$
I \\propto \\frac{1}{\\lambda^4}
$$

So light of wavelength $\\lambda = 450$ nm is scattered about *six times* as much as light of 700 nm.

| colour | wavelength | scattered |
|:-------|-----------:|----------:|
| red    |     700 nm |     1.0 × |
| green  |     530 nm |     3.0 × |
| blue   |     450 nm |     5.9 × |

### Check it

```python
def scattered(nm: float, than: float = 700) -> float:
    # How much more than at `than` nanometres.
    return (than / nm) ** 4

for colour, nm in {"red": 700, "green": 530, "blue": 450}.items():
    print(f"{colour:<6} {scattered(nm):.1f} ×")
```

### What follows

1. At noon the light crosses little air, and the Sun looks white.
2. At dusk it crosses forty times as much:
   - the blue is gone before it arrives,
   - what is left is orange and red.
3. On the Moon, without air, the sky is black.

> Violet is scattered even more, but the Sun sends less of it, and the eye hardly sees it.

More of it: [Rayleigh scattering](https://en.wikipedia.org/wiki/Rayleigh_scattering).
"""
"""What the model `markdown` says: a heading, a formula, a table, code, lists, a quote and a link, each once."""

_PIECE = re.compile(r"\n+| ?[^\W\d_]+(?:'[^\W\d_]+)?| ?\d+| ?[^\w\s]|_|\s")
_CHOICE = re.compile(r"\[([^\]]+)\]")
_LONG = 9
"""Letters from which on a word is two pieces."""


def pieces(text: str) -> list[str]:
    """Text cut like tokens: words with the blank before them, long ones in two, marks and line breaks alone. Joined, it is the text."""
    out: list[str] = []
    for piece in _PIECE.findall(text):
        half = len(piece) // 2 + 1
        out += [piece[:half], piece[half:]] if len(piece.strip()) >= _LONG and piece.strip().isalpha() else [piece]
    return out


def answer(prompt: str, count: int, rng: Random) -> list[str]:
    """Exactly `count` pieces that read as an answer; the first sentence says that it is simulated."""
    return _fill(pieces(_opening(prompt)), prompt, count, rng)


def document(prompt: str, count: int | None, rng: Random) -> list[str]:
    """An answer with everything that Markdown has: as long as it is, or exactly `count` pieces."""
    whole = pieces(f"{_opening(prompt)}\n\n{DOCUMENT.strip()}")
    return _fill(whole, prompt, len(whole) if count is None else count, rng)


def thoughts(prompt: str, count: int, rng: Random) -> list[str]:
    """Exactly `count` pieces of thinking aloud."""
    opening = f"The user asks about {echo(prompt) or 'something'}. I am a simulator, so I will talk around it."
    return _fill(pieces(opening), prompt, count, rng)


def echo(prompt: str) -> str:
    """A few words of the prompt, letters and digits only, so that nothing in it can act as markup."""
    words = ("".join(c for c in word if category(c)[0] in "LMN") for word in prompt[:2000].split())
    return " ".join([word[:20] for word in words if word][:6])


def _opening(prompt: str) -> str:
    words = echo(prompt)
    about = f" about “{words}”" if words else ""
    return f"This is a simulated answer{about}; no model was asked."


def _fill(opening: list[str], prompt: str, count: int, rng: Random) -> list[str]:
    """The opening and as many sentences as fit; what is left is closed with short ones."""
    out = opening[:count]
    misses = 0
    for sentence in _sentences(prompt, rng):
        if len(out) + len(sentence) <= count:
            out += sentence
        elif count - len(out) <= max(CLOSERS) or (misses := misses + 1) > PATIENCE:
            break
    while (rest := count - len(out)) > 0:
        # A closer that leaves room for another where one does not fill it.
        out += pieces(CLOSERS.get(rest) or CLOSERS[rng.randint(4, max(CLOSERS))])
    return out


PATIENCE = 20
"""Sentences too long for the room that is left, before it is closed with short ones."""


def _sentences(prompt: str, rng: Random) -> Iterator[list[str]]:
    """Sentences without end: paragraphs of three to six, a topic each, the prompt's own first."""
    while True:
        for topic in _order(prompt, rng):
            patterns = rng.sample(topic, rng.randint(3, 6))
            yield pieces("\n\n" + _spelled(patterns[0], rng))
            for pattern in patterns[1:-1]:
                yield pieces(" " + _spelled(pattern, rng))
            yield pieces(" " + _spelled(patterns[-1], rng) + rng.choice(ENDINGS))


def _order(prompt: str, rng: Random) -> list[Topic]:
    """The topics in a random order, those first that share words with the prompt."""
    asked = {word.lower() for word in re.findall(r"[^\W\d_]+", prompt)}
    names = rng.sample(list(TOPICS), len(TOPICS))
    return [TOPICS[name] for name in sorted(names, key=lambda name: -len(asked & set(name.split())))]


def _spelled(pattern: str, rng: Random) -> str:
    return _CHOICE.sub(lambda m: rng.choice(m[1].split("|")), pattern)
