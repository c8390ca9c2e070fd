const list = (words: string): readonly string[] => words.split(' ');

/** Common in many countries, all in ASCII: every character set of a database has them. */
export const FIRST_NAMES = list(
  'Ada Adam Agnes Alan Alba Alex Alice Amina Ana Anders Andre Anna Anton Arif Astrid Aya Ben Bianca Boris Bruno Carla Carlos Cem Chen Chloe Clara Dana Daniel David Diego Dina Dora Edgar Elena Elias Ella Emil Emma Erik Eva Fatima Felix Femi Filip Finn Frida Gina Greta Grace Hana Hans Hassan Hugo Ida Ines Irene Ivan Jana Jin John Jonas Julia Jun Karim Kim Lars Laura Lea Leo Lena Lina Luca Lucy Maja Marc Maria Marta Max Maya Mia Milan Mina Nadia Nina Noah Nora Olga Oscar Otto Pablo Paul Petra Rafael Rania Rita Robin Rosa Ruth Sam Sara Sofia Stefan Tara Theo Tim Tom Uma Vera Viktor Wei Yara Yuki Zoe',
);
export const LAST_NAMES = list(
  'Abe Adams Ahmed Ali Almeida Andersen Baker Bauer Becker Berg Bianchi Blanc Brown Bruun Castro Chang Chen Clark Costa Cruz Dahl Davis Diaz Dubois Dumont Eriksen Evans Farah Fischer Flores Fontaine Garcia Gomez Green Gruber Haas Hall Hansen Hoffman Horvat Huang Ivanov Jansen Jensen Jones Kaya Keller King Klein Kovacs Kowalski Lang Larsen Lee Lehmann Leroy Lewis Li Lopez Marino Martin Mayer Meyer Mendes Moore Moreau Morris Mueller Nagy Nielsen Nguyen Novak Okafor Olsen Ortiz Park Patel Perez Petrov Popov Ramos Ricci Richter Rossi Roux Russo Sanchez Santos Sato Schmidt Silva Simon Singh Smith Sousa Stone Suzuki Tanaka Taylor Torres Turner Varga Vogel Wagner Walker Weber White Wilson Wolf Wong Wood Wright Yilmaz Young Zhang',
);
export const WORDS = list(
  'lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua enim ad minim veniam quis nostrud exercitation ullamco laboris nisi aliquip ex ea commodo consequat duis aute irure in reprehenderit voluptate velit esse cillum eu fugiat nulla pariatur excepteur sint occaecat cupidatat non proident sunt culpa qui officia deserunt mollit anim id est laborum',
);
