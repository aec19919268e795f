"""Countries, cities and other closed lists that the list pattern recites, each in the order in which it is recited."""

from __future__ import annotations

from ecco_widgets.models.demo.lexicon._text import items

__all__ = ["CITIES", "COUNTRIES", "OTHER_LISTS"]


COUNTRIES: dict[str, tuple[str, ...]] = {
    "the European Union": items("""
    Austria, Belgium, Bulgaria, Croatia, Cyprus, Czechia, Denmark, Estonia, Finland, France, Germany, Greece,
    Hungary, Ireland, Italy, Latvia, Lithuania, Luxembourg, Malta, Netherlands, Poland, Portugal, Romania,
    Slovakia, Slovenia, Spain, Sweden
"""),
    "South America": items("""
    Argentina, Bolivia, Brazil, Chile, Colombia, Ecuador, Guyana, Paraguay, Peru, Suriname, Uruguay, Venezuela
"""),
    "Central America": items("Belize, Costa Rica, El Salvador, Guatemala, Honduras, Nicaragua, Panama"),
    "North America": items("Canada, Mexico, United States"),
    "Africa": items("""
    Algeria, Angola, Benin, Botswana, Burundi, Cameroon, Chad, Comoros, Djibouti, Egypt, Eritrea, Ethiopia,
    Gabon, Gambia, Ghana, Guinea, Kenya, Lesotho, Liberia, Libya, Madagascar, Malawi, Mali, Mauritania,
    Mauritius, Morocco, Mozambique, Namibia, Niger, Nigeria, Rwanda, Senegal, Seychelles, Somalia, South
    Africa, Sudan, Tanzania, Togo, Tunisia, Uganda, Zambia, Zimbabwe
"""),
    "Asia": items("""
    Afghanistan, Bangladesh, Bhutan, Cambodia, China, India, Indonesia, Iran, Iraq, Israel, Japan, Jordan,
    Kazakhstan, Kuwait, Laos, Lebanon, Malaysia, Mongolia, Nepal, Oman, Pakistan, Philippines, Qatar,
    Singapore, Syria, Tajikistan, Thailand, Turkey, Turkmenistan, Uzbekistan, Vietnam, Yemen
"""),
    "Oceania": items("""Australia, Fiji, Kiribati, Nauru, New Zealand, Palau, Samoa, Tonga, Tuvalu, Vanuatu"""),
    "Scandinavia and the North": items("Denmark, Finland, Iceland, Norway, Sweden"),
    "the Baltic region": items("Estonia, Latvia, Lithuania"),
    "the Balkans": items(
        "Albania, Bosnia, Bulgaria, Croatia, Greece, Kosovo, Macedonia, Montenegro, Romania, Serbia, Slovenia"
    ),
    "the Group of Seven": items("Canada, France, Germany, Italy, Japan, United Kingdom, United States"),
    "Western Europe": items("""
    Austria, Belgium, France, Germany, Ireland, Liechtenstein, Luxembourg, Monaco, Netherlands, Switzerland,
    United Kingdom
"""),
    "Southeast Asia": items(
        """Brunei, Cambodia, Indonesia, Laos, Malaysia, Myanmar, Philippines, Singapore, Thailand, Vietnam"""
    ),
    "the Caribbean": items("Bahamas, Barbados, Cuba, Dominica, Grenada, Haiti, Jamaica, Trinidad"),
}
"""Region -> countries in alphabetical order. The lists are examples to recite, not complete registers of states."""

CITIES: dict[str, tuple[str, ...]] = {
    "Germany": items(
        "Berlin, Bremen, Cologne, Dortmund, Dresden, Essen, Frankfurt, Hamburg, Leipzig, Munich, Stuttgart"
    ),
    "France": items("Bordeaux, Lille, Lyon, Marseille, Montpellier, Nantes, Nice, Paris, Strasbourg, Toulouse"),
    "Italy": items("Bari, Bologna, Florence, Genoa, Milan, Naples, Palermo, Rome, Turin, Venice"),
    "Spain": items("Barcelona, Bilbao, Granada, Madrid, Malaga, Murcia, Seville, Valencia, Zaragoza"),
    "England": items("""
    Birmingham, Bristol, Cambridge, Leeds, Liverpool, London, Manchester, Newcastle, Nottingham, Oxford,
    Plymouth, Sheffield, York
"""),
    "Poland": items("Gdansk, Katowice, Krakow, Lodz, Lublin, Poznan, Szczecin, Warsaw, Wroclaw"),
    "Japan": items("Fukuoka, Hiroshima, Kobe, Kyoto, Nagasaki, Nagoya, Osaka, Sapporo, Tokyo, Yokohama"),
    "India": items("Ahmedabad, Bangalore, Chennai, Delhi, Hyderabad, Jaipur, Kolkata, Mumbai, Pune"),
    "Canada": items("Calgary, Edmonton, Halifax, Montreal, Ottawa, Quebec, Toronto, Vancouver, Winnipeg"),
    "Australia": items("Adelaide, Brisbane, Cairns, Canberra, Darwin, Hobart, Melbourne, Perth, Sydney"),
    "Brazil": items("Belem, Brasilia, Curitiba, Fortaleza, Manaus, Recife, Salvador, Santos"),
    "the United States": items("""
    Atlanta, Baltimore, Boston, Chicago, Cleveland, Dallas, Denver, Detroit, Houston, Memphis, Miami,
    Philadelphia, Phoenix, Portland, Seattle
"""),
}
"""Country -> some of its cities in alphabetical order."""

OTHER_LISTS: dict[str, tuple[str, ...]] = {
    "months of the year": items(
        "January, February, March, April, May, June, July, August, September, October, November, December"
    ),
    "days of the week": items("Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday"),
    "planets of the solar system": items("Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus, Neptune"),
    "colours of the rainbow": items("red, orange, yellow, green, blue, indigo, violet"),
    "states of America": items("""
    Alabama, Alaska, Arizona, Arkansas, California, Colorado, Connecticut, Delaware, Florida, Georgia, Hawaii,
    Idaho, Illinois, Indiana, Iowa, Kansas, Kentucky, Louisiana, Maine, Maryland, Massachusetts, Michigan,
    Minnesota, Mississippi, Missouri, Montana, Nebraska, Nevada, New Hampshire, New Jersey, New Mexico, New
    York, North Carolina, North Dakota, Ohio, Oklahoma, Oregon, Pennsylvania, Rhode Island, South Carolina,
    South Dakota, Tennessee, Texas, Utah, Vermont, Virginia, Washington, West Virginia, Wisconsin, Wyoming
"""),
}
"""Plural description -> items in their customary order."""
