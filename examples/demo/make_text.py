#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the demo's text: stories from an English-like grammar, as word ids.

Every story fixes a topic, a tense, a place, two or three people and an object at its beginning, and keeps
to them: later words depend on them over a hundred words and more.  Verbs agree with subjects across
prepositional phrases and relative clauses, pronouns with the people they stand for, answers with where an
object was put, sums with the numbers given.  What is left open (who acts next, which noun, which genre) is
drawn from skewed distributions, so that the best possible loss is far from zero.

    make_text.py OUT_DIR [--train N] [--heldout N] [--seed S]   writes vocab.json, train.npy, tokens.npy
    make_text.py --show N                                       prints N stories

Streams are one-dimensional, uint16, stories end to end.  Each story begins with <story>; <bos> is word 0 and
never occurs in a stream: whoever cuts rows puts it in front of each.
"""
import argparse
import json
import random
from pathlib import Path

import numpy as np

TOPICS = {
    # nouns | verbs (transitive) | adjectives | places | roles.  An irregular form is written after a colon.
    "farm": ("cow horse goat hen pig sheep:sheep plow fence bucket seed",
             "feed:fed milk chase plant water", "muddy tame fat", "barn field orchard", "farmer shepherd"),
    "sea": ("ship sail net whale shell rope anchor wave gull oar",
            "steer row catch:caught haul tie", "salty wet stormy", "harbor beach island", "sailor fisherman"),
    "kitchen": ("cake pot spoon onion pie plate egg loaf:loaves knife:knives apple",
                "bake cut:cut taste stir burn", "sweet sour hot", "kitchen cellar bakery", "cook baker"),
    "school": ("book pencil lesson poem map desk word page student riddle",
               "read:read write:wrote learn spell teach:taught", "clever hard blank", "school library classroom",
               "teacher pupil"),
    "market": ("coin basket jar carpet ring scale stall price bag lamp",
               "sell:sold buy:bought weigh count trade", "cheap costly shiny", "market shop square",
               "merchant tailor"),
    "forest": ("tree wolf:wolves fox:foxes owl mushroom branch:branches nest deer:deer axe trail",
               "follow hunt chop climb gather", "wild dark tall", "forest cave hill", "hunter woodcutter"),
    "music": ("song drum flute violin dance note bell harp string tune",
              "play sing:sang hum tune practice", "loud soft slow", "theater hall tavern",
              "singer fiddler"),
    "castle": ("sword shield crown dragon wall gate banner throne arrow knight",
               "fight:fought guard attack defend raise", "brave royal golden", "castle tower dungeon",
               "king queen"),
    "hospital": ("bandage pill fever wound bed nurse needle cough bottle mask",
                 "treat heal examine wash bind:bound", "sick pale weak", "hospital clinic ward", "doctor surgeon"),
    "railway": ("train ticket engine wagon signal whistle platform bridge track suitcase",
                "drive:drove load stop repair board", "fast late crowded", "station tunnel depot",
                "driver conductor"),
    "garden": ("rose weed bee tulip worm fern spade butterfly:butterflies leaf:leaves pond",
               "pick grow:grew prune rake smell", "fragrant green fresh", "garden greenhouse meadow",
               "gardener florist"),
}
WOMEN = "anna maria clara lucy eva ruth nora ida mabel greta olga zoe".split()
MEN = "tom paul henry otto felix max karl simon hugo ned oscar ivan".split()
TOWNS = "norwick ashford elmsby redhill stonebay millford oakham westport".split()
GENERAL_VERBS = "see:saw find:found like want need take:took bring:brought lose:lost hide:hid love".split()
MOVES = "go:went walk run:ran come:came hurry return".split()
STATES = "sleep:slept wait laugh cry dance smile fall:fell rest".split()
PLACED = "stand:stood lie:lay fall:fell remain".split()
CLAIMS = "think:thought know:knew say:said hope believe".split()
ADJECTIVES = "old new big small good strange little beautiful broken heavy".split()
MOODS = {"happy": "happy glad cheerful".split(), "sad": "sad lonely sorry".split(), "angry": "angry furious".split(),
         "afraid": "afraid nervous".split()}
COLORS = "red blue white black yellow".split()
DAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
NUMBERS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
           "seventeen eighteen nineteen twenty").split()
SEASONS = {"winter": "snow ice".split(), "summer": "sun heat".split(), "autumn": "rain fog".split(),
           "spring": "wind thunder".split()}
FUNCTION_WORDS = """. , ? ! " : a an the this that these those some every no many few all both and but because when
then now once again always soon at last very not later one day next more than before there first second third
finally yes hello dear thanks please i you he she it we they me him her my your his to from of with near under behind
for into in on is are was were am be had has would will can could must did do does where why
named home friend friends brother sister story list things recipe report weather altogether minutes end
today tomorrow morning evening night said says asked asks answered answers put puts gave gives give loses finds
lived lives felt feel feels plus minus equals add mix bring take cold warm cloudy know""".split()


def split_form(word):
    base, _, irregular = word.partition(":")
    return base, irregular


def plural(word):
    base, irregular = split_form(word)
    if irregular:
        return irregular
    return base + ("es" if base.endswith(("s", "x", "ch", "sh")) else "s")


def third_person(base):
    if base in ("go", "do"):
        return base + "es"
    if base.endswith(("s", "x", "ch", "sh")):
        return base + "es"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ies"
    return base + "s"


def past(word):
    base, irregular = split_form(word)
    if irregular:
        return irregular
    if base.endswith("e"):
        return base + "d"
    if base.endswith("y") and base[-2] not in "aeiou":
        return base[:-1] + "ied"
    if base in ("chop", "stop", "plan", "hum"):
        return base + base[-1] + "ed"
    return base + "ed"


class Verb:
    """A verb and its three forms; `form` agrees with tense and number."""

    def __init__(self, word):
        self.base = split_form(word)[0]
        self.third = third_person(self.base)
        self.past = past(word)

    def form(self, tense, many):
        return self.past if tense == "past" else self.base if many else self.third


class Noun:
    def __init__(self, word):
        self.one = split_form(word)[0]
        self.many = plural(word)


class Topic:
    def __init__(self, name, entry):
        nouns, verbs, adjectives, places, roles = entry
        self.name = name
        self.nouns = [Noun(w) for w in nouns.split()]
        self.verbs = [Verb(w) for w in verbs.split()]
        self.adjectives = adjectives.split()
        self.places = places.split()
        self.roles = roles.split()


TOPIC_LIST = [Topic(k, v) for k, v in TOPICS.items()]
VERBS = [Verb(w) for w in GENERAL_VERBS]
MOVE_VERBS = [Verb(w) for w in MOVES]
STATE_VERBS = [Verb(w) for w in STATES]
PLACED_VERBS = [Verb(w) for w in PLACED]
CLAIM_VERBS = [Verb(w) for w in CLAIMS]
BE = {"past": ("was", "were"), "present": ("is", "are")}
HAVE = {"past": ("had", "had"), "present": ("has", "have")}


def vocabulary():
    """Every word once, in a fixed order; <bos> is 0 and <story> 1."""
    words = ["<bos>", "<story>"] + FUNCTION_WORDS
    for topic in TOPIC_LIST:
        for noun in topic.nouns:
            words += [noun.one, noun.many]
        for verb in topic.verbs:
            words += [verb.base, verb.third, verb.past]
        words += topic.adjectives + topic.places + topic.roles
    for verb in VERBS + MOVE_VERBS + STATE_VERBS + PLACED_VERBS + CLAIM_VERBS:
        words += [verb.base, verb.third, verb.past]
    words += ADJECTIVES + COLORS + DAYS + NUMBERS + WOMEN + MEN + TOWNS
    for mood in MOODS.values():
        words += mood
    for season, signs in SEASONS.items():
        words += [season] + signs
    return list(dict.fromkeys(words))


class Person:
    def __init__(self, name, woman, role):
        self.name, self.woman, self.role = name, woman, role
        self.he = "she" if woman else "he"
        self.him = "her" if woman else "him"
        self.his = "her" if woman else "his"


class Story:
    """One story: what it fixes at its beginning, and the sentences that keep to it."""

    def __init__(self, rng):
        self.rng = rng
        self.out = []
        self.topic = self.skewed(TOPIC_LIST, 0.92)
        self.other = rng.choice(TOPIC_LIST)
        self.tense = "past" if rng.random() < 0.7 else "present"
        self.place = rng.choice(self.topic.places)
        self.town = self.skewed(TOWNS, 0.8)
        self.mood = rng.choice(list(MOODS))
        self.season = rng.choice(list(SEASONS))
        self.day = rng.randrange(7)
        self.people = []
        roles = self.topic.roles[:]
        rng.shuffle(roles)
        for i in range(2 if rng.random() < 0.7 else 3):
            role = roles[i] if i < 2 else "friend"
            woman = {"king": False, "queen": True, "fisherman": False}.get(role, rng.random() < 0.5)
            taken = [p.name for p in self.people]
            name = self.skewed([n for n in (WOMEN if woman else MEN) if n not in taken], 0.85)
            self.people.append(Person(name, woman, role))
        self.hero = self.people[0]
        self.focus = None  # whom "he" or "she" would mean now
        self.object = self.noun()
        self.where = {}  # the object's whereabouts, as last told

    # -- draws
    def skewed(self, items, ratio):
        """Geometric weights: the first item is the commonest, the last ones are rare."""
        return self.rng.choices(items, [ratio**i for i in range(len(items))])[0]

    def chance(self, p):
        return self.rng.random() < p

    def noun(self):
        topic = self.topic if self.chance(0.88) else self.other
        return self.skewed(topic.nouns, 0.82)

    def verb(self):
        return self.rng.choice(self.topic.verbs) if self.chance(0.7) else self.skewed(VERBS, 0.8)

    def adjective(self):
        roll = self.rng.random()
        if roll < 0.45:
            return self.rng.choice(self.topic.adjectives)
        return self.skewed(COLORS, 0.75) if roll < 0.6 else self.skewed(ADJECTIVES, 0.82)

    # -- writing
    def say(self, *words):
        for w in words:
            self.out += w.split()

    def article(self, following):
        return "an" if following[0] in "aeiou" else "a"

    def thing(self, depth=0):
        """A noun phrase: (words, plural?)."""
        rng = self.rng
        noun = self.object if self.chance(0.25) else self.noun()
        many = self.chance(0.4)
        middle = [self.adjective()] if self.chance(0.35) else []
        if many:
            head = rng.choice(["the", "the", "some", "many", "few", "these", "those", "all the",
                               "both", NUMBERS[2 + min(int(rng.expovariate(0.5)), 10)]])
            words = [head] + middle + [noun.many]
        else:
            middle.append(noun.one)
            head = rng.choice(["the", "the", "the", "a", "this", "that", "every", "no", "his", "a"])
            if head == "his":
                head = self.focus.his if self.focus else "the"
            if head == "a":
                head = self.article(middle[0])
            words = [head] + middle
        if depth == 0 and self.chance(0.18):
            words += [rng.choice(["near", "under", "behind", "with", "from"])] + self.thing(1)[0]
        elif depth == 0 and self.chance(0.1):
            verb = self.verb()
            if self.chance(0.5):
                words += ["that", rng.choice(self.people).name, verb.form(self.tense, False)]
            else:
                words += ["that", verb.form(self.tense, many)] + self.thing(1)[0]
        return words, many

    def person(self):
        """A person as subject: (words, plural?), by name, role or pronoun."""
        if self.focus and self.chance(0.4):
            return [self.focus.he], False
        if self.chance(0.12):
            self.focus = None
            a, b = self.rng.sample(self.people, 2)
            if self.chance(0.5):
                return ["they"], True
            return [a.name, "and", b.name], True
        who = self.hero if self.chance(0.5) else self.rng.choice(self.people)
        self.focus = who
        return ([who.name] if self.chance(0.75) or who.role == "friend" else ["the", who.role]), False

    def be(self, many):
        return BE[self.tense][many]

    def feeling(self):
        return self.rng.choice(MOODS[self.mood] if self.chance(0.75) else self.rng.choice(list(MOODS.values())))

    def placed(self):
        return "in the " + (self.place if self.chance(0.6) else self.rng.choice(self.topic.places))

    # -- sentences
    def opening(self):
        h = self.hero
        kind = self.rng.randrange(4)
        tense = self.tense
        live = {"past": "lived", "present": "lives"}[tense]
        if kind == 0:
            self.say("once there", BE[tense][0], self.article(h.role), h.role, "named", h.name, ".", h.he, live,
                     "near the", self.place, "in", self.town, ".")
        elif kind == 1:
            self.say(h.name, "the", h.role, live, "in", self.town, ".", "the", self.place, BE[tense][0], h.his,
                     "home", ".")
        elif kind == 2:
            self.say("this is the story of", h.name, ",", self.article(h.role), h.role, "from", self.town, ".")
        else:
            self.say("it", BE[tense][0], self.season, "in", self.town, ".", h.name, ",", "the", h.role, ",",
                     BE[tense][0], self.rng.choice(MOODS[self.mood]), ".")
        self.focus = h
        for p in self.people[1:]:
            have = HAVE[tense][0]
            if p.role == "friend":
                self.say(h.name, have, "a friend", "named", p.name, ".")
            else:
                self.say(p.name, BE[tense][0], self.article(p.role), p.role, ",", "and a friend of", h.name, ".")
            self.focus = None

    def action(self):
        words, many = self.person()
        if self.chance(0.12):
            self.say(self.rng.choice(["then", "soon", "later", "again", "one day"]), ",")
        self.say(*words)
        if self.chance(0.12):
            self.say({"past": "did not", "present": "do not" if many else "does not"}[self.tense], self.verb().base)
        elif self.chance(0.1):
            self.say(self.rng.choice(["will", "must", "can", "would", "could"]), self.verb().base)
        else:
            self.say(self.verb().form(self.tense, many))
        self.say(*self.thing()[0])
        if self.chance(0.3):
            self.say(self.placed())
        if self.chance(0.13):
            words, many = self.thing(1)
            self.say("because", *words, self.be(many), self.adjective())
        elif self.chance(0.12):
            words, many = self.person()
            self.say("and", *words, self.rng.choice(STATE_VERBS).form(self.tense, many))
        self.say(".")

    def description(self):
        words, many = self.thing()
        self.say(*words, self.be(many), *(["not"] if self.chance(0.12) else []),
                 *(["very"] if self.chance(0.2) else []), self.adjective())
        if self.chance(0.25):
            words, many = self.thing(1)
            self.say(self.rng.choice([", but", "and"]), *words, self.be(many),
                     self.adjective())
        self.say(".")

    def things_act(self):
        words, many = self.thing()
        verb = self.rng.choice(PLACED_VERBS)
        self.say(*words, verb.form(self.tense, many), self.rng.choice(["near", "behind", "under", "in", "on"]))
        self.say("the", self.place if self.chance(0.5) else self.noun().one, ".")

    def movement(self):
        words, many = self.person()
        self.say(*words, self.rng.choice(MOVE_VERBS).form(self.tense, many),
                 self.rng.choice(["to", "to", "from", "into"]), "the")
        self.place = self.rng.choice(self.topic.places)
        self.say(self.place)
        if self.chance(0.25):
            self.say("with", *self.thing(1)[0])
        self.say(".")

    def mood_line(self):
        words, many = self.person()
        feel = {"past": "felt", "present": "feel" if many else "feels"}[self.tense]
        self.say(*words, feel if self.chance(0.5) else ("were" if many else "was") if self.tense == "past" else
                 self.be(many), self.feeling())
        if self.chance(0.35):
            other, more = self.person()
            self.say(self.rng.choice(["because", "when", "but"]), *other, self.verb().form(self.tense, more),
                     "the", self.object.one)
        self.say(".")

    def claim(self):
        words, many = self.person()
        self.say(*words, self.rng.choice(CLAIM_VERBS).form(self.tense, many), "that")
        words, many = self.thing(1)
        self.say(*words, self.be(many), self.adjective(), ".")

    def listing(self):
        words, many = self.person()
        self.say(*words, Verb("see:saw" if self.chance(0.5) else "find:found").form(self.tense, many))
        count = self.rng.randrange(3, 6)
        seen = []
        while len(seen) < count:
            noun = self.rng.choice(self.topic.nouns)
            if noun not in seen:
                seen.append(noun)
        for i, noun in enumerate(seen):
            self.say(noun.many, "," if i + 2 < count else "and" if i + 2 == count else ".")

    def hiding(self):
        """Puts something somewhere; a later question asks for it."""
        who, many = self.person()
        thing = self.object if self.chance(0.6) else self.noun()
        place = self.rng.choice(self.topic.places)
        put = {"past": "put", "present": "put" if many else "puts"}[self.tense]
        self.say(*who, put, "the", thing.one, "in the", place, ".")
        self.where[thing.one] = place
        self.where = dict(list(self.where.items())[-2:])

    def where_question(self):
        if not self.where:
            return self.hiding()
        a, b = self.rng.sample(self.people, 2)
        thing = self.rng.choice(list(self.where))
        ask, answer = ("asked", "answered") if self.tense == "past" else ("asks", "answers")
        self.say(a.name, ask, ",", '"', "where is the", thing, '? "')
        self.say(b.name if self.chance(0.6) else b.he, answer, ',', '"', "the", thing, "is in the",
                 self.where[thing], '. "')
        self.focus = b

    def speech(self):
        """Quoted speech is in the first person and the present."""
        rng = self.rng
        a, b = rng.sample(self.people, 2)
        said = "said" if self.tense == "past" else "says"
        kind = rng.randrange(6)
        if kind == 0:
            words = ["i", self.verb().base] + self.thing(1)[0]
        elif kind == 1:
            words = ["we", rng.choice(["must", "can", "will"]), self.verb().base, "the", self.object.one]
        elif kind == 2:
            words = ["you", "are", "very", rng.choice(MOODS[self.mood])]
        elif kind == 3:
            words = ["my", self.object.one, "is", self.adjective()]
        elif kind == 4:
            words = ["please", "," , rng.choice(["give me", "bring me", "take"]), "the", self.object.one]
        else:
            words = ["hello", ",", b.name]
        if self.chance(0.5):
            self.say('"', *words, rng.choice([",", "!"]), '"', said, a.name, ".")
        else:
            self.say(a.name, said, ', "', *words, '. "')
        self.focus = a
        if self.chance(0.45):
            reply = rng.choice(["yes , i am " + self.feeling(), "no , it is " + self.adjective(),
                                "thanks , " + a.name, "i do not know", "why ?", "yes , the " + self.object.one])
            asked = ("answered" if self.tense == "past" else "answers")
            self.say('"', reply, *([] if reply.endswith("?") else [","]), '"', asked,
                     b.name if self.chance(0.7) else b.he, ".")
            self.focus = b

    def sum_up(self):
        """Small sums over a few sentences: the total is fixed by what was said."""
        who = self.rng.choice(self.people)
        giver = self.rng.choice([p for p in self.people if p is not who])
        noun = self.noun()
        first = 1 + min(int(self.rng.expovariate(0.3)), 9)
        change = 1 + min(int(self.rng.expovariate(0.4)), 9)
        have = HAVE[self.tense][0]

        def some(n):
            return NUMBERS[n] + " " + (noun.one if n == 1 else noun.many)

        self.say(who.name, have, some(first), ".")
        if change <= first and self.chance(0.45):
            lose = {"past": "lost", "present": "loses"}[self.tense]
            self.say(who.he, lose, some(change), ".")
            total = first - change
        else:
            give = {"past": "gave", "present": "gives"}[self.tense]
            self.say(giver.name, give, who.him, some(change), ".")
            total = first + change
        if self.chance(0.3):
            self.mood_line()
        self.say("now", who.name if self.chance(0.5) else who.he, have, some(total), ".")
        self.focus = who

    def time_passes(self):
        self.day = (self.day + 1) % 7
        kind = self.rng.randrange(3)
        if kind == 0:
            self.say("on", DAYS[self.day], ",")
        elif kind == 1:
            self.say("the next day ,", DAYS[self.day], ",")
        else:
            self.say("on", DAYS[self.day], self.rng.choice(["morning", "evening", "night"]), ",")
        words, many = self.person()
        self.say(*words, self.rng.choice(MOVE_VERBS + STATE_VERBS).form(self.tense, many), "again ." if
                 self.chance(0.3) else ".")

    def weather_line(self):
        sign = self.rng.choice(SEASONS[self.season])
        kind = self.rng.randrange(3)
        if kind == 0:
            self.say("the", sign, BE[self.tense][0], self.rng.choice(["cold", "warm", "strange", "beautiful"]), ".")
        elif kind == 1:
            self.say("it", BE[self.tense][0], self.season, ", and there", BE[self.tense][0], "more", sign,
                     "than before .")
        else:
            self.say("in", self.season, ",", "the", self.place, BE[self.tense][0], self.rng.choice(["cold", "warm"]),
                     ".")

    def closing(self):
        kind = self.rng.randrange(4)
        h = self.hero
        if kind == 0:
            self.say("at last", h.name, {"past": "found", "present": "finds"}[self.tense], "the", self.object.one,
                     "and", BE[self.tense][0], self.rng.choice(MOODS["happy"]), ".")
        elif kind == 1:
            self.say("finally", h.name, {"past": "went", "present": "goes"}[self.tense], "home to", self.town, ".")
        elif kind == 2:
            self.say(*[p.name for p in self.people[:1]], "and", self.people[1].name, BE[self.tense][1],
                     "friends always .")
        self.say("the end .")

    # -- genres
    def tale(self):
        self.opening()
        lines = [(self.action, 30), (self.description, 13), (self.things_act, 7), (self.movement, 9),
                 (self.mood_line, 7), (self.claim, 5), (self.listing, 4), (self.hiding, 5), (self.where_question, 5),
                 (self.speech, 14), (self.sum_up, 5), (self.time_passes, 5), (self.weather_line, 3)]
        kinds, weights = zip(*lines)
        for _ in range(self.rng.randrange(6, 20)):
            self.rng.choices(kinds, weights)[0]()
        self.closing()

    def recipe(self):
        self.topic = TOPIC_LIST[2]
        dish = self.rng.choice(["cake", "pie", "loaf"])
        self.say("recipe for", self.article(dish), dish, ":")
        steps = self.rng.randrange(3, 7)
        order = ["first", "second", "third", "next", "then", "later"]
        for i in range(steps):
            self.say(order[i], ",", self.rng.choice(["add", "mix", "cut", "stir", "bake", "taste"]),
                     NUMBERS[self.rng.randrange(2, 7)], self.skewed(self.topic.nouns, 0.7).many)
            if self.chance(0.3):
                self.say("for", NUMBERS[self.rng.choice([5, 10, 15, 20])], "minutes")
            self.say(".")
        self.say("finally , give the", dish, "to your friends .")

    def letter(self):
        a, b = self.rng.sample(self.people, 2)
        self.tense = "present"
        self.say("dear", b.name, ",")
        for _ in range(self.rng.randrange(3, 8)):
            kind = self.rng.randrange(5)
            if kind == 0:
                self.say("i", self.verb().base, *self.thing(1)[0], self.placed(), ".")
            elif kind == 1:
                self.say("today i am", self.feeling(), ".")
            elif kind == 2:
                self.description()
            elif kind == 3:
                self.say("we will", self.verb().base, "the", self.object.one, "tomorrow .")
            else:
                self.say("do you", self.verb().base, "your", self.noun().many, "in", self.town, "?")
        self.say("your", self.rng.choice(["friend", "sister" if a.woman else "brother"]), ",", a.name, ".")

    def ledger(self):
        self.say("list of things in the", self.place, ":")
        total = 0
        for _ in range(self.rng.randrange(2, 5)):
            n = self.rng.randrange(1, 6)
            noun = self.rng.choice(self.topic.nouns)
            total += n
            self.say(NUMBERS[n], noun.one if n == 1 else noun.many, ",")
        self.say("altogether", NUMBERS[total], "things .")

    def sums(self):
        for _ in range(self.rng.randrange(2, 7)):
            a, b = self.rng.randrange(0, 11), self.rng.randrange(0, 11)
            if self.chance(0.4):
                a, b = max(a, b), min(a, b)
                self.say(NUMBERS[a], "minus", NUMBERS[b], "equals", NUMBERS[a - b], ".")
            else:
                self.say(NUMBERS[a], "plus", NUMBERS[b], "equals", NUMBERS[a + b], ".")

    def report(self):
        self.say("weather report from", self.town, ":")
        for i in range(self.rng.randrange(2, 6)):
            day = DAYS[(self.day + i) % 7]
            self.say("on", day, "it will be", self.rng.choice(["cold", "warm", "cloudy"]), "with",
                     self.rng.choice(SEASONS[self.season]), ".")

    def write(self):
        self.say("<story>")
        genres = [(self.tale, 76), (self.letter, 8), (self.recipe, 5), (self.ledger, 3), (self.sums, 4),
                  (self.report, 4)]
        kinds, weights = zip(*genres)
        self.rng.choices(kinds, weights)[0]()
        return self.out


def stream(count, seed, ids):
    """`count` word ids of stories end to end; the last story is cut."""
    rng = random.Random(seed)
    tokens = []
    while len(tokens) < count:
        tokens += [ids[w] for w in Story(rng).write()]
    return np.array(tokens[:count], dtype=np.uint16)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", nargs="?", type=Path)
    parser.add_argument("--train", type=int, default=12_000_000)
    parser.add_argument("--heldout", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=20260)
    parser.add_argument("--show", type=int, default=0)
    args = parser.parse_args()
    words = vocabulary()
    ids = {w: i for i, w in enumerate(words)}
    rng = random.Random(args.seed + 2)
    for _ in range(args.show):
        print(" ".join(Story(rng).write()), "\n")
    if args.out is None:
        print(len(words), "words")
        return
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "vocab.json").write_text(json.dumps(ids, indent=0) + "\n")
    np.save(args.out / "train.npy", stream(args.train, args.seed, ids))
    np.save(args.out / "tokens.npy", stream(args.heldout, args.seed + 1, ids))


if __name__ == "__main__":
    main()
