"""Texts of refusals: tastypie's own in English, those of Intempus' validation in the language of the company."""

TEXTS = {
    "end_date_needs_start_date": ("End date requires a start date", "Slutdato kræver en startdato"),
    "latitude_range": ("Latitude must be between -90 and 90", "Breddegrad skal være mellem -90 og 90"),
    "too_long": ("Ensure this value has at most {limit} characters", "Feltet må højst indeholde {limit} tegn"),
    "number_range": (
        "The number must be a whole number from 1 to {last}",
        "Nummeret skal være et heltal fra 1 til {last}",
    ),
    "password_generation": (
        "A new user needs a password: 1 (sent by e-mail, needs one) or 2",
        "En ny bruger skal have en adgangskode: 1 (sendes pr. e-mail, som skal være udfyldt) eller 2",
    ),
    "number_taken": ("The number is already in use", "Nummeret er allerede i brug"),
    "dependants": (
        "Cannot be deleted because it is used by: {related}",
        "Kan ikke slettes, da den er i brug af: {related}",
    ),
}
RELATED = {
    "customer": ("customers", "kunder"),
    "case": ("cases", "sager"),
    "customer_group": ("customer groups", "kundegrupper"),
    "product": ("products", "produkter"),
    "employee": ("employees", "medarbejdere"),
    "userprofile": ("user profiles", "brugerprofiler"),
}


def sentence(code: str, language: str, **values: object) -> str:
    english, danish = TEXTS[code]
    return (danish if language == "da" else english).format(**values)


def related_name(resource: str, language: str) -> str:
    english, danish = RELATED.get(resource, (resource, resource))
    return danish if language == "da" else english
