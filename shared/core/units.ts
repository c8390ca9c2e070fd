/** 1,024 bytes. */
export const KiB = 1024;
/** 1,048,576 bytes. */
export const MiB = 1024 * KiB;
/** 1,073,741,824 bytes. */
export const GiB = 1024 * MiB;
/** A second in milliseconds. */
export const SECOND_MS = 1000;
/** A minute in milliseconds. */
export const MINUTE_MS = 60 * SECOND_MS;
/** An hour in milliseconds. */
export const HOUR_MS = 60 * MINUTE_MS;
/** A day in milliseconds: 24 hours, whatever the time zone says. */
export const DAY_MS = 24 * HOUR_MS;
