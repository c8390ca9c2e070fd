export type SourceKind = 'files' | 'firebase-rtdb' | 'postgres';
