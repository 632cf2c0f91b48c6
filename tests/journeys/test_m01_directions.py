"""M1: Uniconta is master; per field a direction applies."""

from tests.journeys.conftest import World

CVR = "25313763"


def test_one_way_fields_edited_in_intempus_are_not_taken_over(world: World) -> None:
    company, other = world.nordbyg, world.havnen
    company.debtor("1001", CompanyRegNo=CVR)
    other.debtor("1001", CompanyRegNo=CVR)
    company.settle()
    other.settle()
    debtor, link = company.debtors()["1001"], company.link(uniconta_key="1001")
    customer = company.customer_by_number("1001")
    second = world.intempus.person_creates(61001, "customer_group", number="9", name="Egen")

    company.edit_customer(customer["id"], number="9999", vat_registration_number="11111111", customer_group=second)
    company.pull()

    assert company.debtors()["1001"] == debtor
    group = str(customer["customer_group"])
    assert company.not_taken_over() == [
        ("number", "1001", "9999"),
        ("cvr", CVR, "11111111"),
        ("group", group, str(second)),
    ]
    assert sorted(company.link(pk=link.pk).differing) == ["cvr", "group", "number"]
    assert other.not_taken_over() == []
    assert other.link(uniconta_key="1001").differing == []


def test_both_way_fields_travel_both_ways(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001", InvoiceEmail="faktura@kunde.dk")
    company.settle()
    customer = company.customer_by_number("1001")
    typed = {
        "name": "Ny & Søn",
        "street_address": "Ågade 1",
        "zip_code": "5000",
        "city": "Odense",
        "country": "SE",
        "phone": "+45 66 12 34 56",
        "email": "mester@kunde.dk",
        "contact": "Åse",
    }
    company.edit_customer(customer["id"], **typed)
    company.pull()
    debtor = company.debtors()["1001"]
    spelled = {
        "Name": "Ny & Søn",
        "Address1": "Ågade 1",
        "ZipCode": "5000",
        "City": "Odense",
        "Country": "Sweden",
        "Phone": "+45 66 12 34 56",
        "ContactEmail": "mester@kunde.dk",
        "ContactPerson": "Åse",
    }
    assert {name: debtor[name] for name in spelled} == spelled
    assert debtor["InvoiceEmail"] == "faktura@kunde.dk"

    back = {"Name": "Gammel", "City": "Aarhus", "Country": "Norway", "ContactEmail": "ny@kunde.dk", "Phone": ""}
    company.edit(row_id, **back, InvoiceEmail="bogholderi@kunde.dk")
    company.settle()
    customer = company.customer_by_number("1001")
    assert {name: customer[name] for name in ("name", "city", "country", "email", "phone", "contact")} == {
        "name": "Gammel",
        "city": "Aarhus",
        "country": "NO",
        "email": "ny@kunde.dk",
        "phone": "",
        "contact": "Åse",
    }
    assert company.debtors()["1001"]["InvoiceEmail"] == "bogholderi@kunde.dk"


def test_an_update_in_uniconta_keeps_every_field_it_does_not_write(world: World) -> None:
    company = world.nordbyg
    row_id = company.debtor("1001", CreditMax=5000, Payment="8 dage", VatZone="EU", Address2="2. sal", EAN="5790000")
    company.settle()
    before = company.debtors()["1001"]
    company.edit_customer(company.customer_by_number("1001")["id"], city="Nyborg")
    company.pull()
    after = company.debtors()["1001"]
    assert after | {"City": None, "UpdatedAt": ""} == before | {"City": None, "UpdatedAt": ""}
    assert after["City"] == "Nyborg"
    assert after["RowId"] == row_id
