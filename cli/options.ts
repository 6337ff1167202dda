/** Options that several commands have, as the command line gives them. */
import type { ExitCode } from './exit-codes.js';

/** What a command does: writes to the terminal, returns the exit code. */
export type Action = () => Promise<ExitCode>;

export interface CommonOptions {
  readonly config?: string;
  readonly json?: boolean;
}

export interface SayingOptions extends CommonOptions {
  readonly reason?: string;
  readonly by?: string;
  readonly requestId?: string;
}

export interface AnswerOptions extends SayingOptions {
  readonly question?: string;
  readonly yes?: boolean;
}
