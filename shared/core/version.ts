/** The release, as package.json has it; a test compares them. */
export const VERSION = '0.1.0';

/** Written into every manifest. */
export const SOFTWARE = `holdfast ${VERSION}`;
