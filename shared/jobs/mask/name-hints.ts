import type { ValueKind } from '../../sources/table-facts.ts';
import type { MaskRule } from './rules.ts';

/** What the name of a column says of people, in several languages, and how to mask it. */
export interface Hint {
  /** For a person: `an e-mail address`. */
  readonly what: string;
  readonly rule: MaskRule;
  readonly kinds: readonly ValueKind[];
}

const words = (list: string) => new RegExp(`^(?:${list.trim().split(/\s+/).join('|')})$`);

/**
 * Words of names in English, German, French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish and Turkish, without accents. The
 * first that fits counts.
 */
const HINTS: readonly (readonly [RegExp, Hint])[] = [
  [
    words('e?mail emails mailadresse emailaddress courriel correo poczta eposta epost mejl correio'),
    { what: 'an e-mail address', rule: { mask: 'email' }, kinds: ['text'] },
  ],
  [
    words(
      'phone phones telephone telefon telefoon telefono telefone telefonnummer tel mobile mobil mobiltelefon handy cell cellphone fax gsm portable movil celular komorka',
    ),
    { what: 'a telephone number', rule: { mask: 'phone' }, kinds: ['text', 'integer'] },
  ],
  [
    words('iban bban bankkonto kontonummer rekeningnummer bankaccount accountnumber conta cuenta'),
    { what: 'a bank account', rule: { mask: 'digits' }, kinds: ['text', 'integer'] },
  ],
  [
    words(
      'creditcard cardnumber kreditkarte kartennummer pan carte tarjeta carta cartao karta cvv cvc ccnumber',
    ),
    { what: 'a payment card', rule: { mask: 'digits' }, kinds: ['text', 'integer'] },
  ],
  [
    words(
      'ssn passport reisepass passnummer ausweis ausweisnummer taxid steuernummer steuerid sozialversicherungsnummer svnr vat dni nif nie curp rfc cpf cnpj bsn pesel nir codicefiscale personnummer nationalid idcard driverlicense license licence fuhrerschein tckn',
    ),
    { what: 'an official number', rule: { mask: 'hash' }, kinds: ['text', 'integer'] },
  ],
  [
    words(
      'password passwd pwd passwort kennwort motdepasse contrasena senha wachtwoord haslo losenord sifre secret token apikey privatekey salt otp totp pin hash passhash passwordhash sessionid',
    ),
    { what: 'a secret', rule: { mask: 'hash' }, kinds: ['text', 'bytes', 'uuid'] },
  ],
  [
    words('firstname givenname forename vorname prenom nombre nome voornaam imie fornamn adi middlename'),
    { what: 'a first name', rule: { mask: 'name', part: 'first' }, kinds: ['text'] },
  ],
  [
    words(
      'lastname surname familyname nachname familienname nomdefamille apellido apellidos cognome sobrenome achternaam nazwisko efternamn soyadi maidenname geburtsname',
    ),
    { what: 'a last name', rule: { mask: 'name', part: 'last' }, kinds: ['text'] },
  ],
  [
    words(
      'fullname displayname realname contactname customername username loginname login nickname handle nutzername benutzername utilisateur usuario gebruiker kullanici owner contact recipient sender author',
    ),
    { what: 'a name', rule: { mask: 'template', template: '{first} {last} {hash:8}' }, kinds: ['text'] },
  ],
  [
    words('name nom namn naam ad isim'),
    { what: 'perhaps a name', rule: { mask: 'name', part: 'full' }, kinds: ['text'] },
  ],
  [
    words(
      'address addr address1 address2 addressline street streetaddress strasse str hausnummer anschrift adresse adres adress indirizzo via rue calle rua endereco direccion straat ulica gata sokak',
    ),
    {
      what: 'an address',
      rule: { mask: 'template', template: '{digits:2} Example Street' },
      kinds: ['text'],
    },
  ],
  [
    words(
      'zip zipcode postcode postalcode plz postleitzahl codepostal cap cep codigopostal kodpocztowy postnummer',
    ),
    { what: 'a postal code', rule: { mask: 'digits' }, kinds: ['text', 'integer'] },
  ],
  [
    words(
      'city town stadt ort wohnort ville ciudad citta cidade plaats miasto stad sehir birthplace geburtsort',
    ),
    { what: 'a place', rule: { mask: 'name', part: 'last' }, kinds: ['text'] },
  ],
  [
    words(
      'birthday birthdate dateofbirth dob born geburtsdatum geburtstag naissance datenaissance nacimiento nascita nascimento geboortedatum urodzenia fodelsedatum dogum',
    ),
    { what: 'a date of birth', rule: { mask: 'date-shift', days: 180 }, kinds: ['date'] },
  ],
  [
    words('ip ipaddress ipaddr remoteip clientip remoteaddr ipadresse adresseip'),
    { what: 'an IP address', rule: { mask: 'ip' }, kinds: ['text', 'ip'] },
  ],
  [
    words('lat latitude lon lng long longitude breitengrad langengrad'),
    { what: 'a position', rule: { mask: 'noise', ratio: 0.01 }, kinds: ['decimal', 'float'] },
  ],
  [
    words('salary gehalt lohn salaire salario stipendio salaris income einkommen wage'),
    { what: 'an income', rule: { mask: 'noise', ratio: 0.2 }, kinds: ['integer', 'decimal', 'float'] },
  ],
  [
    words(
      'note notes notiz notizen bemerkung bemerkungen kommentar comment comments commentaire comentario commento opmerking uwagi description beschreibung message nachricht text body content bio biography about memo remark remarks feedback subject betreff reason',
    ),
    { what: 'free text', rule: { mask: 'text' }, kinds: ['text'] },
  ],
  [
    words(
      'gender sex geschlecht religion konfession ethnicity race nationality staatsangehorigkeit diagnosis diagnose disease krankheit bloodtype party',
    ),
    { what: 'something personal', rule: { mask: 'null' }, kinds: ['text', 'integer', 'other', 'json'] },
  ],
];

/** What a column's name says: its whole name, or words of it at the end or the beginning. */
export function hintOfName(name: string): Hint | undefined {
  const parts = partsOf(name);
  const joined = parts.join('');
  const tries = [joined, ...parts.map((_, i) => parts.slice(i + 1).join('')), ...parts];
  for (const tried of tries) {
    const found = HINTS.find(([pattern]) => tried !== '' && pattern.test(tried));
    if (found) return found[1];
  }
  return undefined;
}

/** `customerE_Mail` as `customer`, `e`, `mail`; accents are gone. */
function partsOf(name: string): readonly string[] {
  return name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll('ß', 'ss')
    .replaceAll('ł', 'l')
    .replaceAll('ø', 'o')
    .replaceAll('ı', 'i')
    .replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((part) => part !== '');
}
