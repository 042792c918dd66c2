"""The vocabulary of headings: what a column of a known system, or of a plain list, means here.

A heading's *key* has neither case, accents, spaces nor digits ("E-mail 2 Address" is ``emailaddress``), so one entry
covers a family of columns; the digits become the column's *group*. The table is data: one target per line,
continued by indenting.
"""

from __future__ import annotations

import re
import unicodedata
from types import MappingProxyType

_PLAIN = """
full_name: name, fullname, membername, alumniname, alumname, contactname, personname, displayname, username,
    nameoriginalname, usernameoriginalname, vollstandigername, nombrecompleto, nomcomplet, attendeename, guest,
    guestname, teilnehmer
title: prefix, salutation, honorific, nameprefix, titl, titel, anrede, tratamiento, civilite, titleprefix
first_name: firstname, first, given, givenname, forename, fname, vorname, nombre, nombres, primernombre, prenom,
    attendeefirstname, spousefirstname, namefirst, rufname
middle_name: middlename, middle, middleinitial, midname, minit, mi, additionalname, zweitervorname, segundonombre,
    deuxiemeprenom, namemiddle
last_name: lastname, last, surname, family, familyname, lname, nachname, familienname, apellido, apellidos,
    primerapellido, nomdefamille, attendeelastname, attendeesurname, namelast, zuname
suffix: suffix, namesuffix, suff, sufijo, suffixe, namenszusatz
preferred_name: preferredname, preferredfirstname, nickname, nick, knownas, goesby, badgename, nameonbadge, spitzname,
    apodo, surnom, callname, preferred
former_names: formername, formernames, maidenname, maiden, formerlastname, previousname, previouslastname, othernames,
    geburtsname, madchenname, apellidodesoltera, nomdejeunefille, nomdenaissance, birthname, neename
name_at_graduation: nameatgraduation, graduationname, studentname, namewhileatschool, nameondiploma
other_script_name: nativename, nameinnativescript, otherscriptname, chinesename, localname, nameinoriginalscript,
    nameinanotherscript
pronunciation: pronunciation, namepronunciation, phoneticname, phonetic, aussprache
pronouns: pronouns, pronoun, preferredpronouns, pronomen, pronombres, pronoms
class_year: classyear, class, classof, gradyear, graduationyear, yearofgraduation, yeargraduated, preferredclassyear,
    preferredclass, socialclassyear, cohort, batch, yr, year, yog, abschlussjahr, jahrgang, abschlussjahrgang,
    anodegraduacion, anograduacion, promocion, generacion, anneedediplome, anneediplome, promotion, promo,
    anneedepromotion, reunionyear, reunionclass, classyr
email: email, emailaddress, mail, mailaddress, personalemail, primaryemail, preferredemail, homeemail, emailpersonal,
    emailhome, correo, correoelectronico, courriel, adresseemail, adressemail, mailadresse, emailadresse,
    attendeeemail, email1, emailpreferred, direccioncorreo
other_emails: alternateemail, secondaryemail, otheremail, workemail, businessemail, emailwork, emailother,
    emailalternate, additionalemail, secondemail
mobile: mobile, mobilephone, cell, cellphone, cellphonenumber, mobilenumber, mobileno, mobil, mobiltelefon, handy,
    handynummer, movil, celular, telefonomovil, portable, telephoneportable, mobileperso, mobilepro, natel
phone: phone, phonenumber, telephone, telephonenumber, tel, homephone, phonehome, primaryphone, preferredphone,
    landline, landlineperso, telefon, telefonnummer, telefono, festnetz, telephonefixe, contactnumber, phoneno
street: street, streetaddress, address, homeaddress, addressline, addresslines, homestreet, mailingaddress,
    mailingstreet, addrlines, addressstreet, preferredaddress, strasse, strassehausnummer, anschrift, adresse,
    direccion, calle, domicilio, rue, addr
city: city, town, homecity, mailingcity, addresscity, addrcity, ort, stadt, wohnort, ciudad, localidad, poblacion,
    ville, purchasercity, citytown, preferredcity
region: state, province, region, stateprovince, homestate, mailingstate, mailingstateprovince, homestateprovince,
    addrstate, addressregion, bundesland, provincia, estado, county, addrcounty, purchaserstate, departement,
    homeregion
postal_code: zip, zipcode, postcode, postalcode, zippostalcode, homezip, homezippostalcode, homepostalcode,
    mailingzip, mailingzippostalcode, mailingpostalcode, addrzip, addresspostalcode, plz, postleitzahl, codigopostal,
    cp, codepostal
country: country, homecountry, countryregion, homecountryregion, countryregionname, mailingcountry, addresscountry,
    addrcountry, land, pais, pays, purchasercountry, nation
employer: employer, company, companyname, organization, organisation, organizationname, organisationname,
    currentemployer, workplace, firma, arbeitgeber, unternehmen, empresa, compania, entreprise, societe, employeur,
    business, employername
job_title: jobtitle, job, position, occupation, profession, role, currentposition, beruf, berufsbezeichnung, funktion,
    cargo, puesto, profesion, ocupacion, poste, fonction, metier, organizationtitle, businesstitle
birth_date: birthdate, dateofbirth, dob, birthday, bday, geburtsdatum, geburtstag, fechadenacimiento, fechanacimiento,
    nacimiento, datedenaissance, datenaissance, naissance, born
deceased: deceased, isdeceased, expired, died, dead, deceasedflag, deceasedyn, verstorben, fallecido, fallecida,
    decede, decedee, npspdeceased
deceased_date: deceaseddate, deathdate, dateofdeath, decdate, datedeceased, sterbedatum, todesdatum,
    fechadefallecimiento, datededeces
do_not_contact: donotcontact, dnc, nocontact, nichtkontaktieren, nocontactar, nepascontacter, optout, optedout
do_not_email: donotemail, noemail, emailoptout, hasoptedoutofemail, donotsendemail, requestsnoemail, keineemail,
    unsubscribed
do_not_call: donotcall, donotphone, nocall, nocalls, nophone, donottelephone, nichtanrufen
do_not_mail: donotmail, nomail, donotsendmail, requestsnomail, nopost, keinepost
do_not_solicit: donotsolicit, nosolicit, nosolicitation, nosolicitations, donotask
solicit_codes: solicitcode, solicitcodes, contactcode, contactcodes, contactrestrictions, communicationpreferences,
    contactpreferences, conssolcode, solcode
constituent_codes: constituentcode, constituentcodes, conscode, constituency, constituencycode, constituenttype,
    relationship, affiliation
school: school, college, university, schoolname, faculty, schoolcollege, esrschoolname, hochschule, universitat,
    universidad, facultad, universite, ecole, fakultat, almamater
degree: degree, degrees, degreename, degreeearned, qualification, course, esrdegree, abschluss, titulacion, grado,
    diplome, degreetype, program, programme
major: major, majors, fieldofstudy, subject, concentration, branch, department, studiengang, studienfach, fach,
    carrera, especialidad, filiere, specialite, esrmajor, esrmajors
education_year: degreeyear, yearofdegree, esrclassof, degreeclassof, degreedate, conferredyear
education_primary: esrprimalum, primaryalumni, primaryeducation, isprimaryeducation
notes: note, notes, comment, comments, remarks, bemerkung, bemerkungen, notizen, notiz, anmerkungen, notas,
    observaciones, comentarios, remarque, remarques, commentaires
badge_tail: badgetail, familyties
door_note: doornote, noteforthedoor, notefordoor
phonetic_first: phoneticfirstname, yomigivenname
phonetic_last: phoneticlastname, yomifamilyname
answer: attendeestatus, answer, rsvp, rsvpstatus, status, response, attending, antwort, zusage, respuesta, asistencia,
    reponse, approvalstatus, registrationstatus, asistira
"""

_IDS = MappingProxyType({
    "consid": "raisers-edge", "constituentid": "raisers-edge", "importid": "raisers-edge-import",
    "systemrecordid": "raisers-edge-system", "contactid": "salesforce", "recordid": "record", "userid": "user",
    "memberid": "member", "alumniid": "alumni", "membernumber": "member", "memberno": "member", "uid": "uid",
    "personid": "person", "externalid": "external", "mitgliedsnummer": "member", "apiid": "luma", "donorid": "donor",
    "advanceid": "advance", "lookupid": "lookup", "officeid": "office", "bannerid": "banner", "id": "id", "idnumber": "id",
})

_REFUSED = MappingProxyType({
    "ssn": "ssn", "ssno": "ssn", "socialsecuritynumber": "ssn", "socialsecurity": "ssn", "socialsecurityno": "ssn",
    "socsec": "ssn", "socsecno": "ssn", "socsecnumber": "ssn", "socialsec": "ssn", "sozialversicherungsnummer": "ssn",
    "taxid": "ssn", "taxpayerid": "ssn", "tin": "ssn", "nationalid": "ssn", "nationalinsurancenumber": "ssn",
    "nino": "ssn", "sin": "ssn", "socialinsurancenumber": "ssn", "numerodeseguridadsocial": "ssn",
    "numerodesecuritesociale": "ssn", "dni": "ssn", "passport": "ssn", "passportnumber": "ssn",
    "password": "password", "passwort": "password", "pwd": "password", "passwordhash": "password",
    "contrasena": "password", "motdepasse": "password", "kennwort": "password", "passcode": "password",
    "userpassword": "password", "pin": "password", "creditcard": "card", "creditcardnumber": "card",
    "cardnumber": "card", "ccnumber": "card", "cvv": "card", "iban": "card", "bankaccount": "card",
    "accountnumber": "card", "bankaccountnumber": "card",
})

_SYSTEMS = {
    "raisers-edge": """
phone_typed: phonenum
phone_type: phonetype
organisation: orfullname
organisation_is_employer: orisemp
ignored: keyind, primsaltext, primsaledit, primaddid, addrimpid, phoneimpid, cattrimpid, cattrcat, cattrdesc,
    esrimpid, esrcampus, esrdateent, orisprimary, orimpid, gender
""",
    "salesforce": """
job_title: title
first_name: contactfirstname
last_name: contactlastname
title: contactsalutation
job_title: contacttitle
birth_date: contactbirthdate
email: contactpersonalemail
other_emails: contactworkemail, contactalternateemail
phone: contacthomephone, contactotherphone, contactworkphone
mobile: contactmobilephone
account: accountname
ignored: accountowner, contactrecordtype, leadsource, fax, contactpreferredemail, contactpreferredphone
""",
    "google-contacts": """
job_title: organizationtitle
email: emailvalue
phone_typed: phonevalue
phone_type: phonelabel, phonetype
ignored: emaillabel, emailtype, addresslabel, addresstype, labels, groupmembership, photo, fileas, addressformatted,
    organizationdepartment, websitelabel, websitevalue
""",
    "eventbrite": """
answer: attendeestatus
full_name: name
ignored: buyername, buyeremail, buyerfirstname, buyerlastname, buyersurname, order, orderid, orderdate, attendee,
    eventname, eventid, barcode, barcodenumber, tickettype, quantity, ticketquantity, ordertype, currency, totalpaid,
    feespaid
""",
    "outlook": """
title: title
street: homestreet
city: homecity
email: emailaddress
ignored: businessstreet, businesscity, businessstate, businesspostalcode, businesscountry, otherstreet, othercity,
    otherstate, otherpostalcode, othercountry, webpage, initials, spouse, children, anniversary, categories
""",
}

_WORDS_TAKEN = re.compile(r"[^\w]|_", re.UNICODE)
_DIGITS = re.compile(r"\d+")
_LETTERS = str.maketrans({"ß": "ss", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe"})


def _read(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.replace("\n    ", " ").strip().splitlines():
        target, keys = line.split(":")
        found.update((key.strip(), target) for key in keys.split(","))
    return found


PLAIN = MappingProxyType(_read(_PLAIN))
SYSTEMS = MappingProxyType({system: MappingProxyType(_read(text)) for system, text in _SYSTEMS.items()})
IDS = _IDS
REFUSED = _REFUSED
_ALL = frozenset(PLAIN) | frozenset(_IDS) | frozenset(_REFUSED) | frozenset(
    key for words in SYSTEMS.values() for key in words)


def key_of(heading: str) -> str:
    """A heading without case, accents, spaces, punctuation and digits."""
    text = unicodedata.normalize("NFKD", heading.strip().lower().translate(_LETTERS))
    text = "".join(letter for letter in text if not unicodedata.combining(letter))
    return _DIGITS.sub("", _WORDS_TAKEN.sub("", text))


def group_of(heading: str) -> int:
    """The number in a heading ("PhoneNum2", "E-mail 3 - Value", "Degree (2)"); 1 when there is none."""
    found = _DIGITS.search(heading)
    return min(int(found.group()), 999) if found and len(found.group()) < 4 else 1


def is_known(heading: str) -> bool:
    """Whether a heading is in the vocabulary of any system."""
    return key_of(heading) in _ALL
