"""Sentences written for the demo, and pages made of them by a seeded generator."""

import random
import re

LATIN = (
    "In scriptorio monasterii vetus liber sub fenestra iacet.",
    "Scriba manu tremula litteras in membrana ducit.",
    "Sol matutinus paginas albas leniter illuminat.",
    "Atramentum ex gallis et vino diligenter paratur.",
    "Nemo librum claudat antequam cera refrixerit.",
    "Frater Anselmus capita singula rubro colore notat.",
    "Post cenam cantores hymnum novum discunt.",
    "Aqua de tecto stillavit et duas lineas delevit.",
    "Custos armarii claves numquam foris relinquit.",
    "Qui folium perdidit, alterum eadem hora describat.",
    "Initium operis aurum habet, finis solam patientiam.",
    "Ventus per rimas intrat et candelas vexat.",
    "Magister discipulos docet quomodo pennam incidant.",
    "Liber sine indice navi sine gubernatore similis est.",
    "Tertia hora nuntius chartas ex urbe attulit.",
    "Margo lata manum legentis et notas doctorum exspectat.",
    "Quod unus neglegit, multi postea quaerunt.",
    "Hieme digiti rigent, sed opus non cessat.",
    "Summa cura pelles siccantur et pumice levigantur.",
    "In fine voluminis nomen suum parvis litteris posuit.",
)
GERMAN = (
    "Der alte Kasten steht seit Jahren unter der schmalen Treppe.",
    "Niemand wusste, wer die vielen Briefe gesammelt hatte.",
    "Im Winter froren die Tinte und die Finger des Schreibers.",
    "Auf dem ersten Blatt ist ein kleines Schiff gezeichnet.",
    "Die Setzer suchen ihre Lettern aus flachen Kisten.",
    "Ein Knabe bringt frisches Wasser und neues Papier.",
    "Der Meister liest jede Zeile zweimal und schweigt.",
    "Manche Seiten riechen noch nach Rauch und Harz.",
    "Sie ordneten die Bogen nach der Farbe des Randes.",
    "Bei gutem Licht erkennt man die Spuren des Messers.",
    "Die Rechnung nennt sieben Ballen und zwei Rollen.",
    "Wer langsam druckt, muss weniger verbessern.",
    "Am Abend wird die Presse mit Leinen bedeckt.",
    "Der Besitzer schrieb seinen Namen auf den Deckel.",
    "Zwischen den Seiten lag ein getrocknetes Blatt.",
    "Ein Fehler in der Mitte verdirbt den ganzen Satz.",
    "Die Karte zeigt den Fluss, aber keine Brücke.",
    "Man trug die Kisten bei Regen in den Keller.",
    "Der Buchbinder kam erst im nächsten Frühling wieder.",
    "Zuletzt zählte er die Blätter und löschte das Licht.",
)
ENGLISH = (
    "The reading room opens at nine and the lamps are lit by ten.",
    "Every letter in this box was folded twice and sealed with red wax.",
    "Our ferry was late again, so the parcels spent a night on the quay.",
    "She copied the tide tables by hand and never made a blot.",
    "A map of the harbour hangs beside the door of the old office.",
    "The clerk numbers the pages in pencil before the ink is dry.",
    "Two leaves are missing, and a third was bound upside down.",
    "Rain came through the skylight and spoiled the lower shelf.",
    "Nobody remembers who ordered forty reams of yellow paper.",
    "The gardener keeps his accounts on the back of seed packets.",
    "Please return the blue ledger to the cupboard under the stairs.",
    "His notes on lichens fill eleven volumes and one biscuit tin.",
    "The photograph shows a bridge that was never finished.",
    "We weighed the books first and read them afterwards.",
    "A pressed fern marks the place where the story changes hands.",
    "Mice have been at the index, which now begins with the letter C.",
    "The lighthouse log is plain, exact, and oddly cheerful.",
    "Someone has drawn a small dog in the margin of the minutes.",
    "The quarrel about the fence takes up most of the summer.",
    "On the last page he thanks the weather and the printer.",
)
LONG_S = re.compile(r"s(?=[a-zäöüß])")


def page_of(sentences: tuple[str, ...], characters: int, rng: random.Random) -> str:
    """The text of a page: paragraphs of about `characters` in total, in random order."""
    order: list[str] = []
    paragraphs = [""]
    while True:
        order = order or rng.sample(sentences, len(sentences))
        if len("".join(paragraphs)) + len(order[-1]) >= characters:
            break
        if len(paragraphs[-1]) > characters // 3:
            paragraphs.append("")
        paragraphs[-1] = f"{paragraphs[-1]} {order.pop()}".strip()
    return "\n".join(paragraphs)


def with_long_s(text: str) -> str:
    """The text with ſ for each s that is followed by a letter, as in historical prints."""
    return LONG_S.sub("ſ", text)
