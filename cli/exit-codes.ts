import type { ClientErrorCode } from '../client/index.js';

/** What the process ends with: a contract with scripts, see docs/cli.md. */
export const EXIT = {
  /** Done, or the answer is yes. */
  done: 0,
  /** The answer is no: not recovered, refused by the case, a check failed, a file is broken. */
  no: 1,
  /** It is not known: something did not answer that had to, or may have been heard. */
  unknown: 2,
  /** There is no case to speak of. */
  noCase: 3,
  /** Wrong use: unknown command, option, job or cluster. */
  usage: 64,
  /** A file is refused: it is not what it was taken for. */
  refused: 65,
  /** Temporal or a worker does not answer, or something could not be started. */
  unavailable: 69,
  /** A bug. */
  internal: 70,
  /** Temporal refuses the credentials or the namespace. */
  denied: 77,
  /** The configuration is wrong. */
  config: 78,
  /** Ended by Ctrl-C. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export function exitCodeOf(code: ClientErrorCode): ExitCode {
  switch (code) {
    case 'UnknownJob':
    case 'UnknownCluster':
      return EXIT.usage;
    case 'NoCase':
    case 'CaseEnded':
      return EXIT.noCase;
    case 'NoWorker':
    case 'TemporalUnavailable':
      return EXIT.unavailable;
    case 'InDoubt':
      return EXIT.unknown;
    case 'Refused':
      return EXIT.no;
    case 'AccessDenied':
      return EXIT.denied;
    case 'Unexpected':
      return EXIT.internal;
    default:
      return code satisfies never;
  }
}
