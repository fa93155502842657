import { SecateurError } from '../gpu/errors.js';

export const WRONG_USAGE = 2;

/** Codes of errors that are the user's to mend, or that another process causes. All others end a command with 1. */
const CODES: Readonly<Record<string, number>> = { config: WRONG_USAGE, 'study-folder': WRONG_USAGE, locked: 75 };

/** How a command that threw ends: 1 an error, 2 wrong usage or configuration, 75 another process holds the folder. */
export function exitCodeOf(error: unknown): number {
  return (error instanceof SecateurError && CODES[error.code]) || 1;
}
