"""Every stable code a person may meet, with a sentence and what to do, in English and Danish.

One place, so that the words are the same on the record, in the log, on the command line and in mails.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import get_language

from mappings.labels import entity_label


@dataclass(frozen=True)
class Explanation:
    """`text`: what happened; `fix`: where to press or what to change ("" when nothing is asked of anybody)."""

    code: str
    text: str
    fix: str = ""
    detail: str = ""


#: code → (English text, English fix, Danish text, Danish fix)
SENTENCES: dict[str, tuple[str, str, str, str]] = {
    # Why a record does not go to the other system
    "never_ticked": (
        "Not ticked for synchronisation in Uniconta.",
        "Tick the field on the record in Uniconta if it should go to Intempus.",
        "Ikke markeret til synkronisering i Uniconta.",
        "Sæt flueben i feltet på posten i Uniconta, hvis den skal til Intempus.",
    ),
    "unticked": (
        "The tick was removed in Uniconta, so the record is inactive in Intempus and nothing goes to it.",
        "Set the tick again if the record should be in use.",
        "Fluebenet er fjernet i Uniconta, så posten er inaktiv i Intempus, og der sendes intet til den.",
        "Sæt fluebenet igen, hvis posten skal bruges.",
    ),
    "secret_needs_log_in": (
        "There is no log-in yet that a password or key could belong to.",
        "Enter address and user name first; leave the password empty.",
        "Der er endnu intet log-in, som en adgangskode eller nøgle kan høre til.",
        "Indtast først adresse og brugernavn; lad adgangskoden stå tom.",
    ),
    "company_leaves": (
        "The company is being closed or is closed.",
        "",
        "Virksomheden er ved at blive lukket eller er lukket.",
        "",
    ),
    "secret_sealed": (
        "The stored password or key cannot be opened any more.",
        "Enter it again on the connection, or restore the credential keys of this installation.",
        "Den gemte adgangskode eller nøgle kan ikke længere åbnes.",
        "Indtast den igen på forbindelsen, eller gendan installationens nøgler.",
    ),
    "not_leaving": (
        "The company is not on its way out.",
        "Press “Begin off-boarding” first.",
        "Virksomheden er ikke under afvikling.",
        "Tryk først på “Begynd afvikling”.",
    ),
    "leaving_not_ready": (
        "The company cannot be closed yet: a step that closing waits for is missing.",
        "Take the export on the page Off-boarding, then close.",
        "Virksomheden kan ikke lukkes endnu: et trin, som lukningen venter på, mangler.",
        "Tag eksporten på siden Afvikling, og luk derefter.",
    ),
    "leaving_busy": (
        "Something is still at work for the company.",
        "Wait a moment and press again.",
        "Der arbejdes stadig på noget for virksomheden.",
        "Vent et øjeblik, og tryk igen.",
    ),
    "template_own_choice": (
        "The company has its own choice here, which the template does not overrule.",
        "",
        "Virksomheden har sit eget valg her, som skabelonen ikke tilsidesætter.",
        "",
    ),
    "template_needs_matching": (
        "A kind of record begins with a first matching; a live company gets it from a person, not from a template.",
        "",
        "En posttype begynder med en første parring; en virksomhed i drift får den af en person, ikke af en skabelon.",
        "",
    ),
    "template_gone": (
        "The template was deleted before it was rolled out.",
        "",
        "Skabelonen blev slettet, før den blev udrullet.",
        "",
    ),
    "creates_off": (
        "New records of this kind are not created in the other system: that is switched off for this company.",
        "Create the record by hand, or switch creating on under the company’s entity policies.",
        "Nye poster af denne slags oprettes ikke i det andet system: det er slået fra for virksomheden.",
        "Opret posten manuelt, eller slå oprettelse til under virksomhedens regler pr. posttype.",
    ),
    "phase_outside": (
        "The project is in a phase that does not synchronise, so it is not in Intempus, or is left there as it is.",
        "Move the project on in Uniconta, or choose other phases under the company’s entity policies.",
        "Projektet er i en fase, der ikke synkroniseres, så det er ikke i Intempus eller står der, som det er.",
        "Flyt projektet videre i Uniconta, eller vælg andre faser under virksomhedens regler pr. posttype.",
    ),
    "phase_left": (
        "The project left the phases that synchronise, so its case is closed in Intempus.",
        "Move the project back in Uniconta if the case should be in use.",
        "Projektet har forladt de faser, der synkroniseres, så sagen er lukket i Intempus.",
        "Flyt projektet tilbage i Uniconta, hvis sagen skal bruges.",
    ),
    "phase_back": (
        "The project is back in a phase that synchronises.",
        "",
        "Projektet er tilbage i en fase, der synkroniseres.",
        "",
    ),
    "not_in_list": (
        "This state was added in Intempus. States follow Uniconta’s phases, so it goes nowhere and no project gets it.",
        "Use one of the states that the platform made.",
        "Denne status er tilføjet i Intempus. Statusser følger Unicontas faser, så den overføres ikke, og intet projekt får den.",
        "Brug en af de statusser, platformen har oprettet.",
    ),
    "ended_in_uniconta": (
        "The record has ended in Uniconta (an employee: terminated), so it is not created in Intempus.",
        "",
        "Posten er ophørt i Uniconta (en medarbejder: fratrådt), så den oprettes ikke i Intempus.",
        "",
    ),
    "entity_off": (
        "This kind of record does not synchronise for this company.",
        "Switch it on under the company’s entity policies.",
        "Denne slags poster synkroniseres ikke for virksomheden.",
        "Slå den til under virksomhedens regler pr. posttype.",
    ),
    "direction_off": (
        "The sides differ, but this direction is switched off for the company.",
        "Switch the direction on under the company’s entity policies, or correct the value by hand.",
        "Siderne er forskellige, men denne retning er slået fra for virksomheden.",
        "Slå retningen til under virksomhedens regler pr. posttype, eller ret værdien manuelt.",
    ),
    "not_used": (
        "No record that synchronises uses this group, so it is not created in Intempus.",
        "",
        "Ingen post, der synkroniseres, bruger denne gruppe, så den oprettes ikke i Intempus.",
        "",
    ),
    "only_in_intempus": (
        "The group exists in Intempus only. Groups are created in Uniconta.",
        "Create the group in Uniconta with the same number if it should be used there.",
        "Gruppen findes kun i Intempus. Grupper oprettes i Uniconta.",
        "Opret gruppen i Uniconta med samme nummer, hvis den skal bruges dér.",
    ),
    "inactive_only_in_intempus": (
        "The record is inactive in Intempus and unknown in Uniconta, so it is not created there.",
        "Activate it in Intempus if it should go to Uniconta.",
        "Posten er inaktiv i Intempus og ukendt i Uniconta, så den oprettes ikke dér.",
        "Gør den aktiv i Intempus, hvis den skal til Uniconta.",
    ),
    "blocked_only_in_uniconta": (
        "The record is blocked in Uniconta and unknown in Intempus, so it is not created there.",
        "Remove the block in Uniconta if it should go to Intempus.",
        "Posten er blokeret (spærret) i Uniconta og ukendt i Intempus, så den oprettes ikke dér.",
        "Fjern blokeringen i Uniconta, hvis den skal til Intempus.",
    ),
    "first_ten": (
        "The first ten records are written; the rest waits until a person has looked at them.",
        "Look at what was written, then press “Go on with the rest” on the company’s page.",
        "De første ti poster er skrevet; resten venter, til en person har set på dem.",
        "Se på det, der er skrevet, og tryk “Fortsæt med resten” på virksomhedens side.",
    ),
    "left_out": (
        "A person decided that this record stays out: nothing of it goes in either direction.",
        "Press “Take in again” on the record if it should be synchronised after all.",
        "En person har besluttet, at posten holdes udenfor: intet går i nogen retning.",
        "Tryk “Tag med igen” på posten, hvis den alligevel skal synkroniseres.",
    ),
    "blocked": (
        "Blocked in Uniconta, so it is inactive in Intempus.",
        "",
        "Blokeret (spærret) i Uniconta, så den er inaktiv i Intempus.",
        "",
    ),
    "reactivated_by_hand": (
        "The record was activated in Intempus although its tick in Uniconta is not set. It was left like that.",
        "Set the tick in Uniconta, or make the record inactive in Intempus again.",
        "Posten er gjort aktiv i Intempus, selv om den ikke har flueben i Uniconta. Det er ikke ændret.",
        "Sæt fluebenet i Uniconta, eller gør posten inaktiv i Intempus igen.",
    ),
    # The brake (rule M12): what is held, and what probably happened
    "held_deactivate": (
        "Held: unusually many records would be set inactive at once. Nothing was sent.",
        "A consultant releases it under Held sets, or somebody undoes it in Uniconta; then the question goes away by itself.",
        "Tilbageholdt: usædvanligt mange poster ville blive gjort inaktive på én gang. Intet er sendt.",
        "En konsulent frigiver det under Tilbageholdt, eller nogen fortryder i Uniconta; så forsvinder spørgsmålet af sig selv.",
    ),
    "held_blank": (
        "Held: unusually many records would lose a value at once. Nothing was sent.",
        "A consultant releases it under Held sets, or somebody undoes it in Uniconta; then the question goes away by itself.",
        "Tilbageholdt: usædvanligt mange poster ville miste en værdi på én gang. Intet er sendt.",
        "En konsulent frigiver det under Tilbageholdt, eller nogen fortryder i Uniconta; så forsvinder spørgsmålet af sig selv.",
    ),
    "held_create": (
        "Held: unusually many records would be created at once. Nothing was sent.",
        "A consultant releases it under Held sets, or somebody undoes it in Uniconta; then the question goes away by itself.",
        "Tilbageholdt: usædvanligt mange poster ville blive oprettet på én gang. Intet er sendt.",
        "En konsulent frigiver det under Tilbageholdt, eller nogen fortryder i Uniconta; så forsvinder spørgsmålet af sig selv.",
    ),
    "held_re_parent": (
        "Held: unusually many records would move to another group at once. Nothing was sent.",
        "A consultant releases it under Held sets, or somebody undoes it in Uniconta; then the question goes away by itself.",
        "Tilbageholdt: usædvanligt mange poster ville skifte gruppe på én gang. Intet er sendt.",
        "En konsulent frigiver det under Tilbageholdt, eller nogen fortryder i Uniconta; så forsvinder spørgsmålet af sig selv.",
    ),
    "many_unticked": (
        "Somebody removed many ticks in Uniconta, perhaps by pasting a column.",
        "",
        "Nogen har fjernet mange flueben i Uniconta, måske ved at indsætte en kolonne.",
        "",
    ),
    "many_left_phase": (
        "Many projects changed their phase, or the company’s set of phases was changed.",
        "",
        "Mange projekter har skiftet fase, eller virksomhedens udvalg af faser er ændret.",
        "",
    ),
    "many_blocked": (
        "Many records were blocked on one side, perhaps by pasting a column.",
        "",
        "Mange poster er blevet blokeret på den ene side, måske ved at indsætte en kolonne.",
        "",
    ),
    "many_deleted": (
        "Many records were deleted on one side.",
        "",
        "Mange poster er blevet slettet på den ene side.",
        "",
    ),
    "many_blanked": (
        "One field was emptied on many records, perhaps by an import without that column.",
        "",
        "Ét felt er tømt på mange poster, måske ved en import uden den kolonne.",
        "",
    ),
    "many_regrouped": (
        "Many records were moved to another group, perhaps by an import.",
        "",
        "Mange poster er flyttet til en anden gruppe, måske ved en import.",
        "",
    ),
    "many_new_in_uniconta": (
        "Many new records in Uniconta, perhaps an import.",
        "",
        "Mange nye poster i Uniconta, måske en import.",
        "",
    ),
    "many_new_in_intempus": (
        "Many new records in Intempus, perhaps an import.",
        "",
        "Mange nye poster i Intempus, måske en import.",
        "",
    ),
    # Why a field was written, or was not
    "changed_in_uniconta": (
        "Changed in Uniconta.",
        "",
        "Ændret i Uniconta.",
        "",
    ),
    "changed_in_intempus": (
        "Changed in Intempus.",
        "",
        "Ændret i Intempus.",
        "",
    ),
    "needed": (
        "Activated because another record needs it.",
        "",
        "Gjort aktiv, fordi en anden post bruger den.",
        "",
    ),
    "overwritten": (
        "Both sides had changed; Uniconta’s value counts.",
        "The value that was lost stands under Overwritten changes.",
        "Begge sider var ændret; værdien i Uniconta gælder.",
        "Den tabte værdi står under Overskrevne ændringer.",
    ),
    "merged_after_gap": (
        "The sides changed while they could not be read, so the fields were merged; a field both changed is Uniconta’s.",
        "",
        "Siderne blev ændret, mens de ikke kunne læses, så felterne blev flettet; et felt begge ændrede er Unicontas.",
        "",
    ),
    "put_back": (
        "A person put the value back.",
        "",
        "En person gendannede værdien.",
        "",
    ),
    "put_back_no_record": (
        "The record is not linked any more, so there is nothing to put the value back to.",
        "",
        "Posten er ikke længere parret, så der er intet at gendanne værdien på.",
        "",
    ),
    "put_back_one_way": (
        "This field goes from Uniconta to Intempus only, so a value from Intempus cannot be put back.",
        "Type the value in Uniconta if it should stand.",
        "Feltet går kun fra Uniconta til Intempus, så en værdi fra Intempus kan ikke gendannes.",
        "Skriv værdien i Uniconta, hvis den skal gælde.",
    ),
    "put_back_on_its_way": (
        "The value is being put back already.",
        "",
        "Værdien er allerede ved at blive gendannet.",
        "",
    ),
    "first_sync": (
        "The sides differed when the pair was made; Uniconta’s value counts.",
        "",
        "Siderne var forskellige, da parret blev dannet; værdien i Uniconta gælder.",
        "",
    ),
    "adopted": (
        "The sides were equal when the pair was made; nothing was written.",
        "",
        "Siderne var ens, da parret blev dannet; intet blev skrevet.",
        "",
    ),
    "chosen_by_person": (
        "A person chose Intempus’ value at the first matching.",
        "",
        "En person valgte Intempus’ værdi ved første parring.",
        "",
    ),
    "filled_blank": (
        "The field was blank on this side and got the other side’s value.",
        "",
        "Feltet var tomt på denne side og fik værdien fra den anden side.",
        "",
    ),
    "one_way": (
        "This field goes from Uniconta to Intempus only, so the change in Intempus was not taken over.",
        "Change the field in Uniconta if the new value is right.",
        "Feltet går kun fra Uniconta til Intempus, så ændringen i Intempus er ikke overført.",
        "Ret feltet i Uniconta, hvis den nye værdi er rigtig.",
    ),
    "not_taken_over": (
        "Changed in Intempus while the record does not synchronise; the change was not taken over.",
        "Set the tick in Uniconta, and type the value there if it is right.",
        "Ændret i Intempus, mens posten ikke synkroniseres; ændringen er ikke overført.",
        "Sæt fluebenet i Uniconta, og ret værdien dér, hvis den er rigtig.",
    ),
    "tick_set": (
        "The tick was set in Uniconta, so the record was activated.",
        "",
        "Fluebenet blev sat i Uniconta, så posten blev gjort aktiv.",
        "",
    ),
    "tick_removed": (
        "The tick was removed in Uniconta, so the record was set inactive.",
        "",
        "Fluebenet blev fjernet i Uniconta, så posten blev gjort inaktiv.",
        "",
    ),
    "default_group_used": (
        "The company’s default group was used.",
        "",
        "Virksomhedens standardgruppe blev brugt.",
        "",
    ),
    "group_unknown": (
        "Uniconta does not know the record’s group in Intempus; the default group was used.",
        "Choose the right group in Uniconta, or create it there.",
        "Uniconta kender ikke postens gruppe i Intempus; standardgruppen blev brugt.",
        "Vælg den rigtige gruppe i Uniconta, eller opret den dér.",
    ),
    "loop": (
        "A field goes to and fro: another program keeps changing it back. The record is held with both values.",
        "Decide which value is right, stop the other program, set the value in both systems and press Retry.",
        "Et felt skifter frem og tilbage: et andet program retter det hele tiden tilbage. Posten holdes med begge værdier.",
        "Afgør hvilken værdi der er rigtig, stop det andet program, ret værdien i begge systemer, og tryk Prøv igen.",
    ),
    "not_stuck": (
        "A value was sent, but the other system kept its own.",
        "Look at the field in the other system: it may be read-only or follow from another field. Then press Retry.",
        "En værdi blev sendt, men det andet system beholdt sin egen.",
        "Se på feltet i det andet system: det kan være skrivebeskyttet eller følge af et andet felt. Tryk så Prøv igen.",
    ),
    "unseen_edit": (
        "Somebody changed the record in Intempus in the moment between our reading and our writing; that change may be overwritten.",
        "Compare the record with what was typed in Intempus.",
        "Nogen ændrede posten i Intempus i øjeblikket mellem vores læsning og skrivning; den ændring kan være overskrevet.",
        "Sammenlign posten med det, der blev tastet i Intempus.",
    ),
    "reference_missing": (
        "Sent without a reference that the other system does not know yet; it follows when it is there.",
        "",
        "Sendt uden en henvisning, som det andet system endnu ikke kender; den følger, når den findes.",
        "",
    ),
    "reference_inactive": (
        "The record it belongs to is inactive in Intempus and stays so, because it is blocked in Uniconta.",
        "Remove the block in Uniconta if the other record should be in use.",
        "Posten, den hører til, er inaktiv i Intempus og bliver ved med at være det, fordi den er blokeret i Uniconta.",
        "Fjern blokeringen i Uniconta, hvis den anden post skal bruges.",
    ),
    "parent_of_other_customer": (
        "The master project belongs to another customer, so the case was sent without a parent.",
        "Choose a master project of the same customer in Uniconta, or correct the customer of one of the two.",
        "Hovedprojektet tilhører en anden kunde, så sagen blev sendt uden oversag.",
        "Vælg et hovedprojekt med samme kunde i Uniconta, eller ret kunden på et af de to.",
    ),
    # What a record waits for
    "reference_waits": (
        "Waits for a record that it refers to and that is not on the other side yet.",
        "Look at the record it refers to: it may not be ticked.",
        "Venter på en post, som den henviser til, og som endnu ikke findes på den anden side.",
        "Se på den post, der henvises til: den mangler måske flueben.",
    ),
    "reference_blank": (
        "The record must refer to another one, and that field is empty in the system it comes from.",
        "Fill the field there; the record is looked at again when it is saved.",
        "Posten skal henvise til en anden post, og feltet er tomt i det system, den kommer fra.",
        "Udfyld feltet dér; posten behandles igen, når den gemmes.",
    ),
    "first_load": (
        "Waits until the first load has read both systems.",
        "",
        "Venter på, at den første indlæsning har læst begge systemer.",
        "",
    ),
    "not_begun": (
        "Not begun: another change had just shown that the system does not answer. It goes out as soon as it does.",
        "",
        "Ikke begyndt: en anden ændring havde netop vist, at systemet ikke svarer. Den sendes, så snart det gør.",
        "",
    ),
    "lease_short": (
        "Is tried again at once: the time for this round was used up.",
        "",
        "Prøves igen med det samme: tiden for denne omgang var brugt.",
        "",
    ),
    "flag_appeared": (
        "A tick field has appeared in this table in Uniconta. New records and deactivations wait.",
        "If it is meant to decide what synchronises: set the ticks, then press “That is intended: go on” on the company’s page.",
        "Et felt til flueben er dukket op på tabellen i Uniconta. Nye poster og deaktiveringer venter.",
        "Hvis feltet skal bestemme, hvad der synkroniseres: sæt fluebenene, og tryk så “Det er meningen: fortsæt” på virksomhedens side.",
    ),
    "flag_disappeared": (
        "The tick field has disappeared from this table in Uniconta. New records and deactivations wait.",
        "Restore the field or correct its name in the company’s settings. If everything is to synchronise without a tick: press “That is intended: go on” on the company’s page.",
        "Feltet til flueben er forsvundet fra tabellen i Uniconta. Nye poster og deaktiveringer venter.",
        "Gendan feltet, eller ret dets navn i virksomhedens indstillinger. Skal alt synkroniseres uden flueben: tryk “Det er meningen: fortsæt” på virksomhedens side.",
    ),
    "field_disappeared": (
        "A field has disappeared from this table: no record carries it any more. What it held stands on the other side; new records and deactivations wait.",
        "Restore the field or the right to read it, or correct its name in the field rules. If it is gone for good: press “That is intended: go on” on the company’s page; it is not carried any more until it is back.",
        "Et felt er forsvundet fra tabellen: ingen poster har det længere. Det, det indeholdt, bliver stående på den anden side; nye poster og deaktiveringer venter.",
        "Gendan feltet eller retten til at læse det, eller ret dets navn i feltreglerne. Er det væk for altid: tryk “Det er meningen: fortsæt” på virksomhedens side; så overføres det ikke, før det er tilbage.",
    ),
    "answer_awaited": (
        "The answer to an earlier write was lost. We wait a moment before looking whether it took effect.",
        "",
        "Svaret på en tidligere ændring gik tabt. Vi venter lidt, før vi ser efter, om den slog igennem.",
        "",
    ),
    "brake": (
        "Unusually many records would be created, emptied or set inactive at once. They wait for a person.",
        "Look at the examples, and release the set if it is right.",
        "Usædvanligt mange poster ville blive oprettet, tømt eller gjort inaktive på én gang. De venter på en person.",
        "Se på eksemplerne, og frigiv dem, hvis det er rigtigt.",
    ),
    # What only a person can solve
    "ambiguous_match": (
        "Several records in the other system could be this one.",
        "Open the record and choose the right one, or say that it is none of them.",
        "Flere poster i det andet system kan være denne.",
        "Åbn posten og vælg den rigtige, eller sig, at det er ingen af dem.",
    ),
    "proposal_match": (
        "A record in the other system has the same name, but no number that proves it.",
        "Open the record and say whether it is the same.",
        "En post i det andet system har samme navn, men intet nummer, der beviser det.",
        "Åbn posten og sig, om det er den samme.",
    ),
    "key_taken": (
        "The number is already in use by another record in the other system.",
        "Give one of the two another number, or link them by giving both the same CVR number.",
        "Nummeret er allerede brugt af en anden post i det andet system.",
        "Giv den ene af de to et andet nummer, eller par dem ved at give begge samme CVR-nummer.",
    ),
    "unknown_record": (
        "Uniconta reported a change of a record that is not there and was never seen; perhaps made and deleted at once.",
        "",
        "Uniconta meldte om en post, der ikke findes og aldrig er set; måske oprettet og slettet med det samme.",
        "",
    ),
    "deleted_in_uniconta": (
        "The record was deleted in Uniconta but is still active in Intempus.",
        "Press what is to become of the other one: “Set the other one inactive” or “Leave the other one as it is”. Say which record it was merged into, if it was. Or create it again in Uniconta.",
        "Posten er slettet i Uniconta, men stadig aktiv i Intempus.",
        "Tryk på, hvad der skal ske med den anden: “Gør den anden inaktiv” eller “Lad den anden være”. Angiv, hvilken post den er flettet ind i, hvis den er det. Eller opret den igen i Uniconta.",
    ),
    "merged": (
        "The record was merged into another one in Uniconta, which stands for this one as well. If both were in Intempus, the one of this record is inactive there; if not, it is the other record’s now.",
        "",
        "Posten er flettet ind i en anden i Uniconta, som nu også står for denne. Var begge i Intempus, er denne posts inaktiv dér; ellers hører den nu til den anden post.",
        "",
    ),
    "deleted_in_intempus": (
        "The record was deleted in Intempus but is still in use in Uniconta.",
        "Press what is to happen: “Set the other one inactive” blocks it in Uniconta, “Leave the other one as it is” ends the question, “Create again in Intempus” makes it anew.",
        "Posten er slettet i Intempus, men bruges stadig i Uniconta.",
        "Tryk på, hvad der skal ske: “Gør den anden inaktiv” spærrer den i Uniconta, “Lad den anden være” lukker spørgsmålet, “Opret igen i Intempus” laver den på ny.",
    ),
    "parent_circle": (
        "These projects are each other’s master projects, in a circle. A case cannot be above itself; nothing was sent.",
        "Clear the master project on one of them in Uniconta; the others follow by themselves.",
        "Disse projekter er hinandens hovedprojekter i ring. En sag kan ikke stå over sig selv; intet blev sendt.",
        "Fjern hovedprojektet på et af dem i Uniconta; de andre følger af sig selv.",
    ),
    "end_without_start": (
        "The record has an end date and no start date. Intempus refuses that, so nothing was sent.",
        "Enter a start date in Uniconta, or clear the end date.",
        "Posten har en slutdato, men ingen startdato. Det afviser Intempus, så intet blev sendt.",
        "Angiv en startdato i Uniconta, eller fjern slutdatoen.",
    ),
    "no_default_group": (
        "The record has no group that Uniconta knows, and the company has no default group.",
        "Choose a default group under the company’s entity policies, then press Retry.",
        "Posten har ingen gruppe, som Uniconta kender, og virksomheden har ingen standardgruppe.",
        "Vælg en standardgruppe under virksomhedens regler pr. posttype, og tryk Prøv igen.",
    ),
    "number_series_missing": (
        "The number series does not exist in Uniconta.",
        "Correct its name under the company’s entity policies, or make the series in Uniconta, then press Retry.",
        "Nummerserien findes ikke i Uniconta.",
        "Ret navnet under virksomhedens regler pr. posttype, eller opret serien i Uniconta, og tryk Prøv igen.",
    ),
    "number_series_used_up": (
        "The number series in Uniconta is used up.",
        "Extend the series in Uniconta, then press Retry.",
        "Nummerserien i Uniconta er brugt op.",
        "Udvid serien i Uniconta, og tryk Prøv igen.",
    ),
    "mapping_error": (
        "A value cannot be translated between the systems.",
        "Correct the value in the system it comes from, or the company’s field rules, then press Retry.",
        "En værdi kan ikke oversættes mellem systemerne.",
        "Ret værdien i det system, den kommer fra, eller virksomhedens feltregler, og tryk Prøv igen.",
    ),
    "value_refused": (
        "A value is not allowed in the other system.",
        "Correct the value and press Retry.",
        "En værdi er ikke tilladt i det andet system.",
        "Ret værdien, og tryk Prøv igen.",
    ),
    "value_untranslated": (
        "This field travels only by its value translations, and this value has none. Nothing was sent.",
        "Add the value under Value translations, then press Retry.",
        "Feltet overføres kun efter sine værdioversættelser, og denne værdi har ingen. Intet er sendt.",
        "Tilføj værdien under Oversættelser af værdier, og tryk Prøv igen.",
    ),
    "own_fields_contradict": (
        "The field rules of this kind of record contradict each other.",
        "Look through its field rules; two of them may use the same field.",
        "Feltreglerne for denne posttype modsiger hinanden.",
        "Se feltreglerne igennem; to af dem bruger måske samme felt.",
    ),
    "number_refused": (
        "Intempus takes only whole numbers from 1 to 999,999 as this number, without letters or leading zeros. Nothing was sent.",
        "Change the number in Uniconta, then press Retry. For a record born in Intempus: give it a number there, or choose a number series under the company’s entity policies.",
        "Intempus tager kun hele tal fra 1 til 999.999 som nummer her, uden bogstaver og uden nuller foran. Intet er sendt.",
        "Ret nummeret i Uniconta, og tryk Prøv igen. Er posten født i Intempus: giv den et nummer dér, eller vælg en nummerserie under virksomhedens regler pr. posttype.",
    ),
    "number_kept": (
        "Intempus takes only whole numbers from 1 to 999,999, so the record keeps the number it has there. All else is synchronised.",
        "Change the number in Uniconta if both should have the same; it goes to Intempus by itself then.",
        "Intempus tager kun hele tal fra 1 til 999.999, så posten beholder sit nummer dér. Alt andet synkroniseres.",
        "Ret nummeret i Uniconta, hvis begge skal have det samme; så kommer det af sig selv til Intempus.",
    ),
    "value_needed": (
        "Intempus cannot create the record while this field is blank. Nothing was sent.",
        "Fill in the field in Uniconta; for an employee the e-mail becomes the user name, and Intempus mails the password there.",
        "Intempus kan ikke oprette posten, så længe feltet er tomt. Intet er sendt.",
        "Udfyld feltet i Uniconta; en medarbejders e-mail bliver brugernavn, og Intempus sender adgangskoden dertil.",
    ),
    "not_created_again": (
        "Intempus did not answer when the record was to be created, and it is not found there. It is not tried again by itself, because one more can cost money.",
        "Look for it in Intempus. If it is not there, press Sync now.",
        "Intempus svarede ikke, da posten skulle oprettes, og den findes ikke dér. Det prøves ikke igen af sig selv, fordi én mere kan koste penge.",
        "Se efter i Intempus. Findes den ikke, så tryk Synkroniser nu.",
    ),
    "loop_breaker": (
        "The same field was written three times within an hour without a person changing it. It is held with both values.",
        "Find out what changes the value back, for example another integration, then press Retry.",
        "Det samme felt er skrevet tre gange inden for en time, uden at en person har ændret det. Det holdes tilbage med begge værdier.",
        "Find ud af, hvad der ændrer værdien tilbage, fx en anden integration, og tryk Prøv igen.",
    ),
    "unclear_write": (
        "A write was sent and it is not known whether it took effect. It is looked up before anything is written again.",
        "",
        "En ændring blev sendt, og det vides ikke, om den slog igennem. Det undersøges, før der skrives igen.",
        "",
    ),
    "answer_found": (
        "The answer to an earlier write was lost, but the record was found: it had worked.",
        "",
        "Svaret på en tidligere ændring gik tabt, men posten blev fundet: det var lykkedes.",
        "",
    ),
    "crashed": (
        "Processing stopped in the middle three times, so the record was set aside. Nothing is lost.",
        "Press Retry once; if it happens again, tell the administrator which record it is.",
        "Behandlingen gik i stå tre gange, så posten er lagt til side. Intet er tabt.",
        "Tryk Prøv igen én gang; sker det igen, så fortæl administratoren, hvilken post det er.",
    ),
    "internal_error": (
        "An error in this platform. The record is tried again.",
        "If it stays, tell the administrator which record it is.",
        "En fejl i denne platform. Posten prøves igen.",
        "Bliver den ved, så fortæl administratoren, hvilken post det er.",
    ),
    "unknown_table": (
        "A change was announced for a table that does not synchronise.",
        "",
        "Der blev meldt en ændring i en tabel, der ikke synkroniseres.",
        "",
    ),
    # Why a whole company or system stands still
    "not_live": (
        "The company is not live.",
        "Press Go live or Resume synchronisation on the company’s page.",
        "Virksomheden er ikke i drift.",
        "Tryk Sæt i drift eller Genoptag synkronisering på virksomhedens side.",
    ),
    "answered_one_by_one": (
        "These records wait for an answer about each of them. Trying again changes nothing.",
        "Open each record and answer its question.",
        "Disse poster venter på et svar om hver af dem. At prøve igen ændrer intet.",
        "Åbn hver post, og svar på dens spørgsmål.",
    ),
    "pause_needs_live": (
        "Only a live company can be paused. Nothing was changed.",
        "",
        "Kun en virksomhed i drift kan sættes på pause. Intet er ændret.",
        "",
    ),
    "resume_needs_pause": (
        "The company is not paused, so there is nothing to resume. Nothing was changed.",
        "A company that is being prepared starts by Go live, after both connections were tested.",
        "Virksomheden er ikke på pause, så der er intet at genoptage. Intet er ændret.",
        "En virksomhed under klargøring begynder med Sæt i drift, når begge forbindelser er testet.",
    ),
    "entity_not_matched": (
        "This kind of record was switched on while the company is in operation. Nothing of it is linked or written before its own first matching.",
        "Open First matching, press Read both systems and look at the list. Then press Begin with this kind of record on the company’s page.",
        "Denne slags poster er slået til, mens virksomheden er i drift. Intet af den kobles eller skrives før dens egen første matchning.",
        "Åbn Første matchning, tryk Læs begge systemer, og gennemgå listen. Tryk så Begynd med denne slags poster på virksomhedens side.",
    ),
    "live_already": (
        "The company has been put into operation already. Nothing was changed.",
        "If it is paused, press Resume synchronisation on its page.",
        "Virksomheden er allerede sat i drift. Intet er ændret.",
        "Hvis den er på pause, så tryk Genoptag synkronisering på dens side.",
    ),
    "not_tested": (
        "Test both connections first.",
        "Press Test connection under Uniconta and under Intempus on the company’s page.",
        "Test begge forbindelser først.",
        "Tryk Test forbindelse under Uniconta og under Intempus på virksomhedens side.",
    ),
    "not_matched": (
        "Run the first matching first.",
        "Press First matching on the company’s page, then Read both systems.",
        "Kør første parring først.",
        "Tryk Første parring på virksomhedens side, derefter Læs begge systemer.",
    ),
    "probe_not_preparing": (
        "The company is live, or has been. The probe makes records, so it runs on a test company only.",
        "Onboard a test company with live = false, under a short name of its own, and probe that one.",
        "Virksomheden er i drift eller har været det. Prøven opretter poster, så den køres kun på en testvirksomhed.",
        "Opret en testvirksomhed med live = false under sit eget korte navn, og kør prøven på den.",
    ),
    "probe_wrong_company": (
        "The number given is not the Uniconta company this connection was tested with, so nothing was called.",
        "Give the company id of the test company, as doctor shows it.",
        "Nummeret er ikke det Uniconta-firma, som forbindelsen er testet med, så intet blev kaldt.",
        "Angiv testvirksomhedens firma-id, som doctor viser det.",
    ),
    "connection_missing": (
        "A connection is missing.",
        "Add it on the company’s page, under Connections.",
        "En forbindelse mangler.",
        "Tilføj den på virksomhedens side under Forbindelser.",
    ),
    "connection_untested": (
        "A connection has not been tested since it was changed.",
        "Press Test connection on the company’s page.",
        "En forbindelse er ikke testet, siden den blev ændret.",
        "Tryk Test forbindelse på virksomhedens side.",
    ),
    "connection_paused": (
        "A connection is paused.",
        "Press Resume at the connection on the company’s page.",
        "En forbindelse er sat på pause.",
        "Tryk Genoptag ved forbindelsen på virksomhedens side.",
    ),
    "connection_broken": (
        "A connection does not work.",
        "Look at the connection on the company’s page; it says what is wrong.",
        "En forbindelse virker ikke.",
        "Se på forbindelsen på virksomhedens side; dér står, hvad der er galt.",
    ),
    "connection_working": (
        "A connection works but no company has been found by a test yet.",
        "Press Test connection on the company’s page.",
        "En forbindelse virker, men ingen test har endnu fundet en virksomhed.",
        "Tryk Test forbindelse på virksomhedens side.",
    ),
    "breaker_open": (
        "The system did not answer several times, so we wait a little before trying again.",
        "",
        "Systemet har ikke svaret flere gange, så vi venter lidt, før vi prøver igen.",
        "",
    ),
    "check_up_found": (
        "The check-up found something that must be mended.",
        "The page of the run lists every check and what to do.",
        "Eftersynet fandt noget, der skal rettes.",
        "Gennemløbets side viser hvert punkt, og hvad der skal gøres.",
    ),
    "hook_missing": (
        "No row in Uniconta; changes are found by the regular check only.",
        "Press Create in Uniconta, or create the row by hand: Company / Maintenance / Change URL.",
        "Ingen række i Uniconta; ændringer findes kun af den regelmæssige kontrol.",
        "Tryk på Opret i Uniconta, eller opret rækken manuelt: Firma / Vedligehold / Ændrings-URL.",
    ),
    "hook_outdated": (
        "The row’s address is revoked or leads elsewhere, so what it calls out does not arrive here.",
        "Press Create in Uniconta, then delete the old row there: the platform deletes no row.",
        "Rækkens adresse er tilbagekaldt eller fører et andet sted hen, så dens kald kommer ikke frem her.",
        "Tryk på Opret i Uniconta, og slet derefter den gamle række dér: platformen sletter ingen rækker.",
    ),
    "hook_failing": (
        "Uniconta could not call the change URL.",
        "Check that this platform’s address can be reached from the internet. The regular check finds what was missed.",
        "Uniconta kunne ikke kalde Ændrings-URL’en.",
        "Kontrollér, at platformens adresse kan nås fra internettet. Den regelmæssige kontrol finder det, der mangler.",
    ),
    "hooks_refused": (
        "Uniconta did not let us create the change URL rows. Nothing is lost.",
        "Create them by hand: Company / Maintenance / Change URL in Uniconta, with the address from the company’s page.",
        "Uniconta lod os ikke oprette rækkerne til Ændrings-URL. Intet er gået tabt.",
        "Opret dem manuelt: Firma / Vedligehold / Ændrings-URL i Uniconta, med adressen fra virksomhedens side.",
    ),
    "hook_other_table": (
        "Uniconta made the row for another table than the one asked for, so no more were created. A * stands for all tables.",
        "Look at the row in Uniconta under Company / Maintenance / Change URL and set its table there; the platform deletes no row. A row for all tables may stay: it carries everything.",
        "Uniconta oprettede rækken til en anden tabel end den ønskede, så der blev ikke oprettet flere. En * står for alle tabeller.",
        "Se på rækken i Uniconta under Firma / Vedligehold / Ændrings-URL, og ret dens tabel dér; platformen sletter ingen rækker. En række for alle tabeller kan blive: den bringer alt.",
    ),
    "hook_no_token": (
        "The company has no change URL yet.",
        "Make one on the company’s page, then try again.",
        "Virksomheden har endnu ingen Ændrings-URL.",
        "Opret en på virksomhedens side, og prøv igen.",
    ),
    "hook_url_sealed": (
        "A stored secret cannot be opened, so no address could be sent.",
        "Restore the credential keys, or make a new change URL and enter the log-in again.",
        "En gemt hemmelighed kan ikke åbnes, så ingen adresse kunne sendes.",
        "Gendan nøglerne, eller opret en ny Ændrings-URL og indtast login igen.",
    ),
    "hooks_silent": (
        "No change URL call has come for this table for 24 hours, but checks found changes that should have been announced.",
        "Press Check in Uniconta below: is there a row for this table, and does it show an error? Until then changes arrive with the regular check.",
        "Ændrings-URL’en er ikke kaldt for denne tabel i 24 timer, men kontrollen fandt ændringer, som skulle have været meldt.",
        "Tryk Kontrollér i Uniconta herunder: er der en række for tabellen, og viser den en fejl? Indtil da kommer ændringerne med den regelmæssige kontrol.",
    ),
    "company_moved": (
        "The company was moved to another one before this was processed.",
        "",
        "Virksomheden blev flyttet til et andet firma, før dette blev behandlet.",
        "",
    ),
    "budget_low": (
        "Little is left of today’s calls to the remote system; what is not urgent waits until midnight.",
        "It goes on by itself then. Press Run now on the company’s page for what cannot wait. Longer intervals need fewer calls; an agreed limit can be set on the connection.",
        "Der er kun få kald til systemet tilbage i dag; det, der ikke haster, venter til midnat.",
        "Derefter fortsætter det selv. Tryk Kør nu på virksomhedens side for det, der ikke kan vente. Længere intervaller kræver færre kald; en aftalt grænse kan stå på forbindelsen.",
    ),
    "checks_wait": (
        "Four fifths of this log-in’s calls of today are used: checks of Uniconta, the full comparison and what they found wait until midnight.",
        "Change URLs and fetches from Intempus go on. If a check cannot wait, press Run now on the page Schedules: what a person asks for is done at once. Longer intervals need fewer calls; an agreed limit can be set on the connection.",
        "Fire femtedele af dette logins kald i dag er brugt: kontrol af Uniconta, fuld sammenligning og det, de fandt, venter til midnat.",
        "Ændrings-URL’er og hentning fra Intempus fortsætter. Kan en kontrol ikke vente, så tryk Kør nu på siden Tidsplaner: det, en person beder om, sker straks. Længere intervaller kræver færre kald; en aftalt grænse kan stå på forbindelsen.",
    ),
    "fetches_wait": (
        "Nearly all of this log-in’s calls of today are used: fetches from Intempus, checks of Uniconta and the full comparison wait until midnight.",
        "Only what change URLs announce and what people ask for goes on. If something cannot wait, press Run now on the page Schedules. Longer intervals need fewer calls; an agreed limit can be set on the connection.",
        "Næsten alle dette logins kald i dag er brugt: hentning fra Intempus, kontrol af Uniconta og fuld sammenligning venter til midnat.",
        "Kun det, som Ændrings-URL’er melder, og det, personer beder om, fortsætter. Kan noget ikke vente, så tryk Kør nu på siden Tidsplaner. Længere intervaller kræver færre kald; en aftalt grænse kan stå på forbindelsen.",
    ),
    "follows_another": (
        "Another run of the same kind is at work; this one follows by itself when that has ended.",
        "",
        "Et andet gennemløb af samme slags er i gang; dette følger af sig selv, når det er slut.",
        "",
    ),
    "company_taken": (
        "This company is already connected under another company in the platform.",
        "One company can belong to one customer only. Check the log-in, or remove the other connection.",
        "Denne virksomhed er allerede forbundet under en anden virksomhed i platformen.",
        "En virksomhed kan kun høre til én kunde. Kontrollér log-in, eller fjern den anden forbindelse.",
    ),
    # What connectors report: the way there (sync.connectors.codes)
    "host_not_found": (
        "The address could not be found.",
        "Check the address of the connection. If it is right, it is tried again.",
        "Adressen kunne ikke findes.",
        "Kontrollér forbindelsens adresse. Er den rigtig, prøves der igen.",
    ),
    "no_connection": (
        "The system could not be reached. It is tried again.",
        "",
        "Systemet kunne ikke nås. Der prøves igen.",
        "",
    ),
    "certificate_invalid": (
        "The server could not prove that it is the right one; nothing was sent.",
        "Check the address of the connection, and ask the supplier about the certificate.",
        "Serveren kunne ikke bevise, at den er den rigtige; intet blev sendt.",
        "Kontrollér forbindelsens adresse, og spørg leverandøren om certifikatet.",
    ),
    "timeout": (
        "The system took too long to answer. It is tried again.",
        "",
        "Systemet var for længe om at svare. Der prøves igen.",
        "",
    ),
    "connection_lost": (
        "The connection broke in the middle. It is tried again.",
        "",
        "Forbindelsen blev afbrudt undervejs. Der prøves igen.",
        "",
    ),
    "redirected": (
        "The system answered with a redirection, often because of maintenance. It is tried again.",
        "If it stays, check the address of the connection.",
        "Systemet henviste til en anden adresse, ofte på grund af vedligeholdelse. Der prøves igen.",
        "Bliver det ved, så kontrollér forbindelsens adresse.",
    ),
    "target_refused": (
        "The address is not allowed: it must begin with https:// and be on the public internet.",
        "Correct the address of the connection.",
        "Adressen er ikke tilladt: den skal begynde med https:// og ligge på det offentlige internet.",
        "Ret forbindelsens adresse.",
    ),
    "foreign_next_page": (
        "The answer pointed to another server for its next part; that was not followed.",
        "Tell the administrator.",
        "Svaret henviste til en anden server for næste del; det blev ikke fulgt.",
        "Fortæl administratoren det.",
    ),
    # The remote system as a whole
    "rate_limited": (
        "The system asked us to wait: too many calls. It is tried again by itself.",
        "",
        "Systemet bad os vente: for mange kald. Der prøves igen af sig selv.",
        "",
    ),
    "server_error": (
        "The system has an error of its own. It is tried again.",
        "",
        "Systemet har en fejl hos sig selv. Der prøves igen.",
        "",
    ),
    "unreadable_answer": (
        "The system answered with something that is not data, perhaps a maintenance page. It is tried again.",
        "",
        "Systemet svarede med noget, der ikke er data, måske en side om vedligeholdelse. Der prøves igen.",
        "",
    ),
    "answer_too_large": (
        "The answer was larger than allowed, so it was not used.",
        "Tell the administrator.",
        "Svaret var større end tilladt, så det blev ikke brugt.",
        "Fortæl administratoren det.",
    ),
    "paging_stuck": (
        "The system repeated the same page of a list. It is tried again.",
        "",
        "Systemet gentog den samme side af en liste. Der prøves igen.",
        "",
    ),
    "incomplete_read": (
        "Fewer rows arrived than the system says there are. It is tried again.",
        "",
        "Der kom færre rækker, end systemet siger, der er. Der prøves igen.",
        "",
    ),
    "duplicate_rows": (
        "The same row arrived twice in one reading. It is tried again.",
        "",
        "Den samme række kom to gange i én læsning. Der prøves igen.",
        "",
    ),
    "filter_ignored": (
        "The system answered with other records than were asked for, so the answer was not used.",
        "Tell the administrator.",
        "Systemet svarede med andre poster end dem, der blev spurgt om, så svaret blev ikke brugt.",
        "Fortæl administratoren det.",
    ),
    # Writes of which nobody knows yet whether they took effect
    "answer_lost": (
        "A change was sent, but the answer was lost. We look whether it took effect before anything is sent again.",
        "",
        "En ændring blev sendt, men svaret gik tabt. Vi undersøger, om den slog igennem, før der sendes igen.",
        "",
    ),
    "not_found_after_write": (
        "The system said that the record was created, but it could not be found. We look again before anything is sent.",
        "If it stays, look for the record in the other system.",
        "Systemet sagde, at posten blev oprettet, men den kunne ikke findes. Vi ser efter igen, før der sendes noget.",
        "Bliver det ved, så led efter posten i det andet system.",
    ),
    "unconfirmed_write": (
        "The change was accepted, but could not be read back. We look again.",
        "",
        "Ændringen blev modtaget, men kunne ikke læses igen. Vi ser efter en gang til.",
        "",
    ),
    # The connection itself
    "secret_unreadable": (
        "The stored password or key cannot be opened with the keys of this installation.",
        "Type it in again under the company’s connections.",
        "Den gemte adgangskode eller nøgle kan ikke åbnes med installationens nøgler.",
        "Indtast den igen under virksomhedens forbindelser.",
    ),
    "bad_credentials": (
        "The system refuses the user name or the password or key.",
        "Type the user name and the password or key again on the company’s page, and press Test connection.",
        "Systemet afviser brugernavn, adgangskode eller nøgle.",
        "Indtast brugernavn og adgangskode eller nøgle igen på virksomhedens side, og tryk Test forbindelse.",
    ),
    "no_access": (
        "The log-in has no access to this company.",
        "Give the user access to the company in Uniconta, and press Test connection.",
        "Brugeren har ikke adgang til virksomheden.",
        "Giv brugeren adgang til virksomheden i Uniconta, og tryk Test forbindelse.",
    ),
    "no_licence": (
        "The company’s subscription does not include this.",
        "Ask the supplier about the subscription; Uniconta needs the API module.",
        "Virksomhedens abonnement omfatter ikke dette.",
        "Spørg leverandøren om abonnementet; Uniconta kræver API-modulet.",
    ),
    "company_missing": (
        "The company id is missing or is not a number.",
        "Type the company id of Uniconta under Connections.",
        "Firma-id mangler eller er ikke et tal.",
        "Indtast firma-id fra Uniconta under Forbindelser.",
    ),
    "company_unclear": (
        "The log-in does not see exactly one company.",
        "Use a log-in that belongs to one company only.",
        "Brugeren ser ikke præcis én virksomhed.",
        "Brug et log-in, der kun hører til én virksomhed.",
    ),
    "wrong_company": (
        "The data belongs to another company than the one this connection was made for. Nothing was used, and the connection stands still.",
        "Check the company id and the log-in. The company cannot be changed while there are linked pairs.",
        "Data hører til en anden virksomhed end den, forbindelsen er lavet til. Intet blev brugt, og forbindelsen står stille.",
        "Kontrollér firma-id og log-in. Virksomheden kan ikke skiftes, så længe der er par.",
    ),
    # One record refused by the remote system
    "refused": (
        "The other system refused the values.",
        "Read what the system said, correct the record, and press Retry.",
        "Det andet system afviste værdierne.",
        "Læs, hvad systemet sagde, ret posten, og tryk Prøv igen.",
    ),
    "refused_feature": (
        "The other system does not allow this for our log-in, or the feature is not switched on.",
        "Ask the supplier to switch the feature on, then press Retry.",
        "Det andet system tillader ikke dette for vores log-in, eller funktionen er ikke slået til.",
        "Bed leverandøren slå funktionen til, og tryk Prøv igen.",
    ),
    "no_rights": (
        "Our log-in has no right to this table or record.",
        "Give the user the right in the other system, then press Retry.",
        "Vores log-in har ikke rettighed til tabellen eller posten.",
        "Giv brugeren rettigheden i det andet system, og tryk Prøv igen.",
    ),
    "not_allowed": (
        "The other system does not offer this kind of change.",
        "Make the change by hand in the other system.",
        "Det andet system tilbyder ikke denne slags ændring.",
        "Lav ændringen manuelt i det andet system.",
    ),
    "unknown_resource": (
        "The other system does not have this table.",
        "Check that the module is switched on in the other system.",
        "Det andet system har ikke denne tabel.",
        "Kontrollér, at modulet er slået til i det andet system.",
    ),
    "in_use": (
        "Other records refer to this one, so it cannot be removed.",
        "",
        "Andre poster henviser til denne, så den kan ikke fjernes.",
        "",
    ),
    "wrong_reference": (
        "A value refers to a record that does not exist in the other system.",
        "Correct the reference, or create the record it refers to, then press Retry.",
        "En værdi henviser til en post, der ikke findes i det andet system.",
        "Ret henvisningen, eller opret den post, der henvises til, og tryk Prøv igen.",
    ),
    "value_missing": (
        "A mandatory value is missing.",
        "Fill the field that the system names, then press Retry.",
        "En obligatorisk værdi mangler.",
        "Udfyld det felt, systemet nævner, og tryk Prøv igen.",
    ),
    "key_exists": (
        "A record with this number exists already in the other system.",
        "Press Retry to link them if they are the same; otherwise give one of them another number.",
        "En post med dette nummer findes allerede i det andet system.",
        "Tryk Prøv igen for at parre dem, hvis de er den samme; giv ellers den ene et andet nummer.",
    ),
    "key_missing": (
        "The number is missing.",
        "Give the record a number, then press Retry.",
        "Nummeret mangler.",
        "Giv posten et nummer, og tryk Prøv igen.",
    ),
    "key_too_long": (
        "The number is longer than the other system can hold; nothing was sent.",
        "Choose a shorter number.",
        "Nummeret er længere, end det andet system kan rumme; intet blev sendt.",
        "Vælg et kortere nummer.",
    ),
    "key_truncated": (
        "The record was created, but under a shortened number.",
        "Correct the number by hand in the other system.",
        "Posten blev oprettet, men med et afkortet nummer.",
        "Ret nummeret manuelt i det andet system.",
    ),
    "gone": (
        "The record does not exist any more in the other system.",
        "",
        "Posten findes ikke længere i det andet system.",
        "",
    ),
    # The hours check
    "hours_complete": ("Ready and transferred.", "", "Klar og overført.", ""),
    "hours_open": (
        "Differs between Intempus and Uniconta.",
        "Open the report; it says what is in the way and where to press.",
        "Stemmer ikke mellem Intempus og Uniconta.",
        "Åbn registreringen; den siger, hvad der er i vejen, og hvor du trykker.",
    ),
    "hours_answered": (
        "Answered by a person: accepted, or done by hand.",
        "",
        "Besvaret af en person: accepteret eller klaret manuelt.",
        "",
    ),
    "hours_waiting": ("Not ready: waits for approval.", "", "Ikke klar: venter på godkendelse.", ""),
    "hours_held": (
        "Held back by rule, or on hold in the journal.",
        "",
        "Holdt tilbage af en regel eller sat i bero.",
        "",
    ),
    "hours_skipped": ("Not transferred by rule.", "", "Overføres ikke ifølge reglerne.", ""),
    "hours_before_start": ("Before the first day transferred.", "", "Før den første dag, der overføres.", ""),
    "hours_earlier": (
        "Transferred earlier, before this platform.",
        "",
        "Overført tidligere, før denne platform.",
        "",
    ),
    "hours_gone": ("Deleted in Intempus, never transferred.", "", "Slettet i Intempus, aldrig overført.", ""),
    "hours_needs_attention": ("Needs attention, whether ready or not.", "", "Kræver handling, klar eller ej.", ""),
    "hours_changed": (
        "Changed after transfer and not answered.",
        "",
        "Ændret efter overførsel og ikke besvaret.",
        "",
    ),
    "report_not_sent": (
        "The report is ready and has not been transferred yet.",
        "Press “Fetch now” on the page of hours; with the journal paused, wait until the pause ends.",
        "Registreringen er klar, men endnu ikke overført.",
        "Tryk på “Hent nu” på siden med timer; er kladden sat på pause, så vent, til pausen slutter.",
    ),
    "report_being_sent": (
        "The report is being transferred.",
        "Look again in a few minutes.",
        "Registreringen er ved at blive overført.",
        "Se igen om nogle minutter.",
    ),
    "report_not_judged": (
        "The report changed, or a rule did, and it has not been looked at since.",
        "Press “Fetch now” on the page of hours.",
        "Registreringen eller en regel er ændret, og den er ikke gennemgået siden.",
        "Tryk på “Hent nu” på siden med timer.",
    ),
    "line_misplaced": (
        "In Uniconta the line stands on another day or another employee than it was sent with.",
        "Correct the line in Uniconta, or the report in Intempus.",
        "I Uniconta står linjen på en anden dag eller en anden medarbejder, end den blev sendt med.",
        "Ret linjen i Uniconta eller registreringen i Intempus.",
    ),
    "line_quantity_differs": (
        "The quantity in Uniconta is not that of the report.",
        "Correct the line in Uniconta, or the report in Intempus.",
        "Antallet i Uniconta er ikke registreringens.",
        "Ret linjen i Uniconta eller registreringen i Intempus.",
    ),
    "sign_off_needs_reason": (
        "There are open differences, so the period was not signed off.",
        "Solve them, or write why you sign off all the same.",
        "Der er åbne forskelle, så der er ikke kvitteret for perioden.",
        "Løs dem, eller skriv, hvorfor du kvitterer alligevel.",
    ),
    # Hours
    "open_hours": (
        "The case is closed in Intempus; the project is blocked in Uniconta when the last reports on it have arrived there.",
        "Look at the work reports of the case: what is not approved, or needs attention, keeps the project open.",
        "Sagen er lukket i Intempus; projektet blokeres i Uniconta, når de sidste registreringer på den er nået frem.",
        "Se på sagens registreringer: det, der ikke er godkendt eller kræver handling, holder projektet åbent.",
    ),
    "hours_off": (
        "Hours are not transferred for this company.",
        "Switch it on under the company’s settings for hours.",
        "Der overføres ikke timer for virksomheden.",
        "Slå det til under virksomhedens indstillinger for timer.",
    ),
    "awaits_approved": (
        "Waits for final approval in Intempus.",
        "",
        "Venter på endelig godkendelse i Intempus.",
        "",
    ),
    "awaits_locked": (
        "Waits until the report is locked in Intempus.",
        "",
        "Venter, til registreringen er låst i Intempus.",
        "",
    ),
    "awaits_days": (
        "Waits until the days set for this company have passed since the day worked.",
        "",
        "Venter, til virksomhedens antal dage er gået siden arbejdsdagen.",
        "",
    ),
    "before_start": (
        "The day lies before the first day that is transferred; it is counted, and never transferred.",
        "",
        "Dagen ligger før den første dag, der overføres; den tælles med og overføres aldrig.",
        "",
    ),
    "skipped_mileage": (
        "Mileage is not transferred for this company.",
        "Change that under the company’s settings for hours, or for one work type on the board of work types.",
        "Kørsel overføres ikke for virksomheden.",
        "Det kan ændres under virksomhedens indstillinger for timer eller for én aktivitet på tavlen over aktiviteter.",
    ),
    "skipped_expenses": (
        "Expenses are not transferred for this company.",
        "Change that under the company’s settings for hours, or for one work type on the board of work types.",
        "Udlæg overføres ikke for virksomheden.",
        "Det kan ændres under virksomhedens indstillinger for timer eller for én aktivitet på tavlen over aktiviteter.",
    ),
    "skipped_per_diem": (
        "Per diem is not transferred for this company.",
        "Change that under the company’s settings for hours, or for one work type on the board of work types.",
        "Diæter overføres ikke for virksomheden.",
        "Det kan ændres under virksomhedens indstillinger for timer eller for én aktivitet på tavlen over aktiviteter.",
    ),
    "skipped_absence": (
        "Absence is not transferred for this company.",
        "Change that under the company’s settings for hours, or for one work type on the board of work types.",
        "Fravær overføres ikke for virksomheden.",
        "Det kan ændres under virksomhedens indstillinger for timer eller for én aktivitet på tavlen over aktiviteter.",
    ),
    "skipped_material": (
        "Materials are not transferred for this company.",
        "Change that under the company’s settings for hours.",
        "Materialer overføres ikke for virksomheden.",
        "Det kan ændres under virksomhedens indstillinger for timer.",
    ),
    "skipped_work": (
        "This work type is not transferred for this company.",
        "Change that on the board of work types.",
        "Denne aktivitet overføres ikke for virksomheden.",
        "Det kan ændres på tavlen over aktiviteter.",
    ),
    "held_mileage": (
        "Mileage is held back for this company.",
        "Set it to “Transfer” when it may go.",
        "Kørsel holdes tilbage for virksomheden.",
        "Sæt den til “Overfør”, når den må sendes.",
    ),
    "held_expenses": (
        "Expenses are held back for this company.",
        "Set them to “Transfer” when they may go.",
        "Udlæg holdes tilbage for virksomheden.",
        "Sæt dem til “Overfør”, når de må sendes.",
    ),
    "held_per_diem": (
        "Per diem is held back for this company.",
        "Set it to “Transfer” when it may go.",
        "Diæter holdes tilbage for virksomheden.",
        "Sæt dem til “Overfør”, når de må sendes.",
    ),
    "held_absence": (
        "Absence is held back for this company.",
        "Set it to “Transfer” when it may go.",
        "Fravær holdes tilbage for virksomheden.",
        "Sæt det til “Overfør”, når det må sendes.",
    ),
    "held_material": (
        "Materials are held back for this company.",
        "Set them to “Transfer” when they may go.",
        "Materialer holdes tilbage for virksomheden.",
        "Sæt dem til “Overfør”, når de må sendes.",
    ),
    "held_work": (
        "This work type is held back for this company.",
        "Set it to “Transfer” on the board of work types when it may go.",
        "Denne aktivitet holdes tilbage for virksomheden.",
        "Sæt den til “Overfør” på tavlen over aktiviteter, når den må sendes.",
    ),
    "report_ready": ("The report is ready to be transferred.", "", "Registreringen er klar til at blive overført.", ""),
    "report_approved": ("Finally approved in Intempus.", "", "Endeligt godkendt i Intempus.", ""),
    "report_withdrawn": (
        "The approval was withdrawn in Intempus.",
        "",
        "Godkendelsen er trukket tilbage i Intempus.",
        "",
    ),
    "report_locked": ("Locked in Intempus.", "", "Låst i Intempus.", ""),
    "report_unlocked": ("Unlocked in Intempus.", "", "Låst op i Intempus.", ""),
    "report_changed": ("Changed in Intempus.", "", "Ændret i Intempus.", ""),
    "report_deleted": ("Deleted in Intempus.", "", "Slettet i Intempus.", ""),
    "report_unreadable": (
        "Intempus sent this report in a form that cannot be understood, so no line can be made of it.",
        "Look at the report in Intempus, save it again there, then press Try again.",
        "Intempus sendte registreringen i en form, der ikke kan forstås, så der kan ikke laves en linje af den.",
        "Se på registreringen i Intempus, gem den igen dér, og tryk Prøv igen.",
    ),
    "report_without_case": (
        "The report names no case, so there is no project to write it on.",
        "Choose a case on the report in Intempus.",
        "Registreringen har ingen sag, så der er intet projekt at skrive den på.",
        "Vælg en sag på registreringen i Intempus.",
    ),
    "work_type_unknown": (
        "The work type of this report is not among those Intempus lists, or its category is of an unknown kind.",
        "Press “Fetch now” on the page of hours; if it stays so, look at the work type in Intempus.",
        "Registreringens aktivitet er ikke blandt dem, Intempus viser, eller dens kategori er af en ukendt slags.",
        "Tryk “Hent nu” på siden med timer; hjælper det ikke, så se på aktiviteten i Intempus.",
    ),
    "rule_missing": (
        "No item in Uniconta is chosen for this work type yet.",
        "Choose one on the board of work types.",
        "Der er endnu ikke valgt en vare i Uniconta til denne aktivitet.",
        "Vælg en på tavlen over aktiviteter.",
    ),
    "project_not_linked": (
        "The case of this report is not linked with a project in Uniconta.",
        "Link the case with its project under Records, or create the project in Uniconta.",
        "Registreringens sag er ikke parret med et projekt i Uniconta.",
        "Par sagen med dens projekt under Poster, eller opret projektet i Uniconta.",
    ),
    "project_missing": (
        "The project does not exist any more in Uniconta.",
        "Move the report to another case in Intempus, or create the project again.",
        "Projektet findes ikke længere i Uniconta.",
        "Flyt registreringen til en anden sag i Intempus, eller opret projektet igen.",
    ),
    "project_blocked": (
        "The project is blocked in Uniconta.",
        "Remove the block in Uniconta, or move the report to another case in Intempus.",
        "Projektet er blokeret (spærret) i Uniconta.",
        "Fjern blokeringen i Uniconta, eller flyt registreringen til en anden sag i Intempus.",
    ),
    "project_phase": (
        "The project is in a phase in which Uniconta takes no hours.",
        "Set the project to Created, Accepted or In progress in Uniconta.",
        "Projektet er i en fase, hvor Uniconta ikke tager imod timer.",
        "Sæt projektet til Oprettet, Godkendt eller Igangværende i Uniconta.",
    ),
    "employee_not_linked": (
        "The employee of this report is not linked with one in Uniconta.",
        "Link the employee under Records.",
        "Registreringens medarbejder er ikke parret med en i Uniconta.",
        "Par medarbejderen under Poster.",
    ),
    "employee_ended": (
        "The day worked lies after the day on which the employee left, according to Uniconta.",
        "Correct the date of leaving in Uniconta, or the report in Intempus.",
        "Arbejdsdagen ligger efter medarbejderens fratrædelse i Uniconta.",
        "Ret fratrædelsesdatoen i Uniconta eller registreringen i Intempus.",
    ),
    "item_missing": (
        "The item does not exist in Uniconta.",
        "Choose another one on the board of work types, or create it in Uniconta.",
        "Varen findes ikke i Uniconta.",
        "Vælg en anden på tavlen over aktiviteter, eller opret den i Uniconta.",
    ),
    "item_blocked": (
        "The item is blocked in Uniconta.",
        "Remove the block, or choose another item on the board of work types.",
        "Varen er blokeret (spærret) i Uniconta.",
        "Fjern blokeringen, eller vælg en anden vare på tavlen over aktiviteter.",
    ),
    "product_not_linked": (
        "The material of this report is not linked with an item in Uniconta.",
        "Link the product with its item under Records.",
        "Registreringens materiale er ikke parret med en vare i Uniconta.",
        "Par produktet med dets vare under Poster.",
    ),
    "category_missing": (
        "The project category does not exist in Uniconta.",
        "Choose another one on the board of work types.",
        "Projektkategorien findes ikke i Uniconta.",
        "Vælg en anden på tavlen over aktiviteter.",
    ),
    "pay_type_missing": (
        "The pay type does not exist in Uniconta.",
        "Choose another one on the board of work types, or leave it empty to take the one of the same name.",
        "Lønarten findes ikke i Uniconta.",
        "Vælg en anden på tavlen over aktiviteter, eller lad feltet stå tomt for at tage den med samme navn.",
    ),
    "pay_type_blocked": (
        "The pay type is blocked in Uniconta.",
        "Choose another one on the board of work types.",
        "Lønarten er blokeret (spærret) i Uniconta.",
        "Vælg en anden på tavlen over aktiviteter.",
    ),
    "pay_type_not_found": (
        "No pay type in Uniconta has exactly the name of the work type, so the line goes without one.",
        "Create or rename a pay type in Uniconta, or choose one on the board of work types.",
        "Ingen lønart i Uniconta hedder præcis som aktiviteten, så linjen får ingen lønart.",
        "Opret eller omdøb en lønart i Uniconta, eller vælg en på tavlen over aktiviteter.",
    ),
    "journal_missing": (
        "The project journal does not exist in Uniconta.",
        "Choose another one under the company’s settings for hours, or create it in Uniconta.",
        "Projektkladden findes ikke i Uniconta.",
        "Vælg en anden under virksomhedens indstillinger for timer, eller opret den i Uniconta.",
    ),
    "journal_blocked": (
        "The project journal is blocked in Uniconta.",
        "Remove the block, or choose another journal under the company’s settings for hours.",
        "Projektkladden er blokeret (spærret) i Uniconta.",
        "Fjern blokeringen, eller vælg en anden kladde under virksomhedens indstillinger for timer.",
    ),
    "period_closed": (
        "The day worked lies in a period that is closed in Uniconta.",
        "Open the period, or choose under the company’s settings for hours to book such days on the first open day.",
        "Arbejdsdagen ligger i en periode, der er lukket i Uniconta.",
        "Åbn perioden, eller vælg under virksomhedens indstillinger for timer at bogføre sådanne dage på første åbne dag.",
    ),
    "text_too_long": (
        "The text of the line would be longer than is safe to send.",
        "Shorten the remarks in Intempus, or choose “Shorten” under the company’s settings for hours.",
        "Linjens tekst ville blive længere, end det er sikkert at sende.",
        "Forkort bemærkningen i Intempus, eller vælg “Forkort” under virksomhedens indstillinger for timer.",
    ),
    "line_sent": ("The line stands in the project journal.", "", "Linjen står i projektkladden.", ""),
    "line_in_journal": ("The line is back in the project journal.", "", "Linjen er tilbage i projektkladden.", ""),
    "line_posted": ("The line is posted.", "", "Linjen er bogført.", ""),
    "line_not_proven": (
        "The line has left the journal, and transactions like it exist; which one it is cannot be told.",
        "Compare the transactions of the project with the report, then press “Accept as it is”.",
        "Linjen har forladt kladden, og der findes poster magen til; hvilken det er, kan ikke afgøres.",
        "Sammenhold projektets poster med registreringen, og tryk “Acceptér, som det er”.",
    ),
    "line_missing": (
        "The line is neither in the journal nor among the posted transactions: somebody deleted it.",
        "Press “Send again” if it was a mistake, or “Done by hand” with a note.",
        "Linjen er hverken i kladden eller blandt de bogførte poster: nogen har slettet den.",
        "Tryk “Send igen”, hvis det var en fejl, eller “Klaret manuelt” med en bemærkning.",
    ),
    "line_given_up": (
        "The line on hold was deleted from the journal. Nothing stands for the report any more.",
        "",
        "Linjen i bero er slettet i kladden. Der står ikke længere noget for registreringen.",
        "",
    ),
    "line_doubled": (
        "More than one line with this reference stands in Uniconta.",
        "Delete the one too many in the project journal; this page follows within the hour.",
        "Der står mere end én linje med denne reference i Uniconta.",
        "Slet den overflødige i projektkladden; siden følger med inden for en time.",
    ),
    "line_edited": (
        "The line was changed in Uniconta.",
        "If it says another day, employee or quantity than the report, choose below what becomes of the line.",
        "Linjen er ændret i Uniconta.",
        "Siger den en anden dag, medarbejder eller mængde end registreringen, så vælg nedenfor, hvad der skal ske med linjen.",
    ),
    "line_cut": (
        "The line stands in Uniconta under a shortened reference, so it cannot be followed.",
        "Correct its reference number in the project journal, then press “Accept as it is”.",
        "Linjen står i Uniconta med en afkortet reference, så den kan ikke følges.",
        "Ret linjens referencenummer i projektkladden, og tryk “Acceptér, som det er”.",
    ),
    "line_unclear": (
        "The answer to sending the line was lost; it is looked for before anything is sent again.",
        "",
        "Svaret på afsendelsen af linjen gik tabt; der søges efter den, før der sendes noget igen.",
        "",
    ),
    "line_refused": (
        "Uniconta refused the line.",
        "Read what Uniconta said, correct it there, then press “Send again”.",
        "Uniconta afviste linjen.",
        "Læs, hvad Uniconta sagde, ret det dér, og tryk “Send igen”.",
    ),
    "changed_after_transfer": (
        "The report was changed in Intempus after it was transferred.",
        "Choose below what becomes of the line.",
        "Registreringen er ændret i Intempus, efter at den blev overført.",
        "Vælg nedenfor, hvad der skal ske med linjen.",
    ),
    "withdrawn_after_transfer": (
        "The approval was withdrawn in Intempus after the report was transferred.",
        "Choose below what becomes of the line, or wait until it is approved again.",
        "Godkendelsen er trukket tilbage i Intempus, efter at registreringen blev overført.",
        "Vælg nedenfor, hvad der skal ske med linjen, eller vent, til den er godkendt igen.",
    ),
    "approved_after_answer": (
        "The report was approved again after a person had answered for it.",
        "Choose below what becomes of it.",
        "Registreringen er godkendt igen, efter at en person havde svaret for den.",
        "Vælg nedenfor, hvad der skal ske med den.",
    ),
    "deleted_after_transfer": (
        "The report was deleted in Intempus after it was transferred.",
        "Choose below what becomes of the line.",
        "Registreringen er slettet i Intempus, efter at den blev overført.",
        "Vælg nedenfor, hvad der skal ske med linjen.",
    ),
    "changed_back": (
        "The report in Intempus is again as it was transferred.",
        "",
        "Registreringen i Intempus er igen, som den blev overført.",
        "",
    ),
    "answer_accepted": (
        "A person accepted the line as it is.",
        "",
        "En person har accepteret linjen, som den er.",
        "",
    ),
    "answer_by_hand": ("A person did it by hand.", "", "En person har klaret det manuelt.", ""),
    "answer_send_again": ("A person asked to send it again.", "", "En person har bedt om at sende den igen.", ""),
    "answer_change": (
        "A person chose to change the line in the journal.",
        "",
        "En person har valgt at rette linjen i kladden.",
        "",
    ),
    "answer_reverse": (
        "A person chose to reverse the line and book anew.",
        "",
        "En person har valgt at tilbageføre linjen og bogføre på ny.",
        "",
    ),
    "line_changed": ("The line was changed in the journal.", "", "Linjen er rettet i kladden.", ""),
    "line_held": ("The line was set on hold in the journal.", "", "Linjen er sat i bero i kladden.", ""),
    "line_reversed": ("The line was reversed.", "", "Linjen er tilbageført.", ""),
    "line_not_in_journal": (
        "The line does not stand in the journal any more, so it cannot be changed there.",
        "Choose “Reverse and book anew” instead.",
        "Linjen står ikke længere i kladden, så den kan ikke rettes dér.",
        "Vælg “Tilbagefør og bogfør på ny” i stedet.",
    ),
    "hours_not_asked": (
        "This report does not ask for an answer any more; the page was older than that.",
        "Load the page again.",
        "Registreringen beder ikke længere om et svar; siden var ældre end det.",
        "Genindlæs siden.",
    ),
    "note_needed": (
        "Say in a few words what was done, for whoever reads this next.",
        "",
        "Skriv med få ord, hvad der er gjort, til den næste, der læser det.",
        "",
    ),
    "earlier_found": (
        "A line or transaction for these hours stands in Uniconta already, from before this platform.",
        "Press “They are the same”, or “Send anyway”.",
        "Der står allerede en linje eller post for disse timer i Uniconta, fra før denne platform.",
        "Tryk “De er de samme” eller “Send alligevel”.",
    ),
    "other_integration": (
        (
            "Uniconta still calls the addresses of others, perhaps of an integration that transfers the same hours. "
            "No hours are sent until that is settled."
        ),
        (
            "Remove those rows in Uniconta (Company / Maintenance / Change URL), or tick “other Change URLs are known” under "
            "the company’s settings for hours."
        ),
        (
            "Uniconta kalder stadig andres adresser, måske en integration, der overfører de samme timer. "
            "Der sendes ingen timer, før det er afklaret."
        ),
        (
            "Fjern rækkerne i Uniconta (Firma / Vedligehold / Ændrings URL), eller sæt flueben i “andre ændrings-URL’er er "
            "kendt” under virksomhedens indstillinger for timer."
        ),
    ),
    "answer_send_anyway": (
        "A person said that these hours are others than those that look like them.",
        "",
        "En person har sagt, at det er andre timer end dem, der ligner.",
        "",
    ),
    "earlier_confirmed": (
        "A person confirmed that these hours were transferred earlier.",
        "",
        "En person har bekræftet, at disse timer er overført tidligere.",
        "",
    ),
    # What is told by mail or chat
    "no_worker": (
        "No worker is alive: nothing is being synchronised.",
        "Start it with “make worker” or look at the service on the server. Changes are kept and processed afterwards.",
        "Ingen arbejdsproces er i live: intet synkroniseres.",
        "Start den med “make worker”, eller se på tjenesten på serveren. Ændringer gemmes og behandles bagefter.",
    ),
    "host_down": (
        "The system does not answer any company.",
        "Nothing: it is asked again by itself, and what piled up is caught up with.",
        "Systemet svarer ikke nogen virksomhed.",
        "Intet: det spørges igen af sig selv, og det ophobede indhentes.",
    ),
    "fetch_late": (
        "Intempus has not been read for longer than promised.",
        "Open the company’s page and look at the connection and the last runs; press “Fetch from Intempus”.",
        "Intempus er ikke læst i længere tid end lovet.",
        "Åbn virksomhedens side, og se på forbindelsen og de seneste gennemløb; tryk “Hent fra Intempus”.",
    ),
    "check_late": (
        "Uniconta has not been checked for longer than promised.",
        "Open the company’s page and look at the connection and the last runs; press “Check Uniconta”.",
        "Uniconta er ikke gennemgået i længere tid end lovet.",
        "Åbn virksomhedens side, og se på forbindelsen og de seneste gennemløb; tryk “Gennemgå Uniconta”.",
    ),
    "changes_stuck": (
        "Changes have been waiting for longer than promised.",
        "Open “Waiting changes” of the company and see what the oldest waits for.",
        "Ændringer har ventet i længere tid end lovet.",
        "Åbn “Venter på behandling” for virksomheden, og se, hvad den ældste venter på.",
    ),
    "payroll_near": (
        "A payroll cut-off comes near and not all hours are through.",
        "Open the company’s hours check: it lists what is missing.",
        "En lønfrist nærmer sig, og ikke alle timer er nået igennem.",
        "Åbn virksomhedens timeafstemning: den viser, hvad der mangler.",
    ),
    "moved_since_read": (
        "The record changed between our reading and our writing; nothing was written. It is planned again.",
        "",
        "Posten blev ændret mellem vores læsning og skrivning; intet blev skrevet. Den planlægges igen.",
        "",
    ),
}

#: Notes: the record was created or activated because this one, "entity:number", needs it.
NEEDED_BY = "needed_by:"
#: Notes of a preview: this group or other record would be created on the way.
CREATES = "creates_"


def explain_code(code: str, detail: str = "") -> Explanation:
    """The sentence for a code in the active language; an unknown code shows itself and what the remote said."""
    is_danish = (get_language() or "en").startswith("da")
    if code.startswith(NEEDED_BY):
        name, _, number = code.removeprefix(NEEDED_BY).partition(":")
        text = f"Bruges af {entity_label(name)} {number}." if is_danish else f"Needed by {entity_label(name)} {number}."
        return Explanation(code, text, detail=detail)
    if code == "reference_waits" and detail:
        return _waits(detail, is_danish=is_danish)
    if code not in SENTENCES and code.startswith(CREATES):
        name = entity_label(code.removeprefix(CREATES))
        text = f"{name} oprettes først i Intempus." if is_danish else f"{name} is created in Intempus first."
        return Explanation(code, text, detail=detail)
    if code not in SENTENCES:
        return Explanation(code, detail or code, detail=detail)
    english_text, english_fix, danish_text, danish_fix = SENTENCES[code]
    if is_danish:
        return Explanation(code, danish_text, danish_fix, detail)
    return Explanation(code, english_text, english_fix, detail)


def _waits(detail: str, *, is_danish: bool) -> Explanation:
    """What a record waits for, from "entity:code:number", and why that is not there."""
    name, reason, number = detail.split(":", 2)
    record = f"{entity_label(name)} {number}"
    text = f"Venter på {record}, som ikke er på den anden side." if is_danish else f"Waits for {record}, not there yet."
    if not reason or reason == "reference_waits":
        return Explanation("reference_waits", text, fix=SENTENCES["reference_waits"][3 if is_danish else 1])
    why = explain_code(reason)
    return Explanation("reference_waits", f"{text} {why.text}", fix=why.fix)
