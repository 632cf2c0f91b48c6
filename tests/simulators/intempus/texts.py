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
    "no_contract": ("The employee has no contract on {day}", "Medarbejderen har ingen kontrakt den {day}"),
    "period_locked": ("The period is locked up to {day}", "Perioden er låst til og med {day}"),
    "other_work_model": (
        "The work type does not belong to the work model of the contract",
        "Arbejdstypen hører ikke til kontraktens arbejdsmodel",
    ),
    "work_type_inactive": ("The work type is not active", "Arbejdstypen er ikke aktiv"),
    "times_needed": ("Start and end time must be filled in", "Start- og sluttidspunkt skal udfyldes"),
    "case_needed": ("A case must be chosen", "Der skal vælges en sag"),
    "case_closed": ("The case is closed for new reports", "Sagen er lukket for nye registreringer"),
    "report_fixed": (
        "The report is approved or locked and cannot be changed",
        "Registreringen er godkendt eller låst og kan ikke ændres",
    ),
    "feature_missing": (
        "The company does not have access to this function",
        "Virksomheden har ikke adgang til denne funktion",
    ),
    "second_approver": ("Second approver", "Anden godkender"),
    "final_approver": ("Final approver", "Endelig godkender"),
}
RELATED = {
    "customer": ("customers", "kunder"),
    "case": ("cases", "sager"),
    "customer_group": ("customer groups", "kundegrupper"),
    "product": ("products", "produkter"),
    "employee": ("employees", "medarbejdere"),
    "userprofile": ("user profiles", "brugerprofiler"),
    "contract": ("contracts", "kontrakter"),
    "work_report": ("work reports", "arbejdsregistreringer"),
    "work_type": ("work types", "arbejdstyper"),
    "work_category": ("work categories", "arbejdskategorier"),
    "responsible": ("approvers", "godkendere"),
}


def sentence(code: str, language: str, **values: object) -> str:
    english, danish = TEXTS[code]
    return (danish if language == "da" else english).format(**values)


def related_name(resource: str, language: str) -> str:
    english, danish = RELATED.get(resource, (resource, resource))
    return danish if language == "da" else english
