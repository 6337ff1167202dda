/** The command line, in the process of the test. */
import type { ExitCode } from '../../cli/exit-codes.js';
import { run } from '../../cli/program.js';
import type { Terminal } from '../../cli/terminal.js';

interface Listening {
  readonly terminal: Terminal;
  /** The lines of the result, and the lines beside it. */
  readonly written: readonly string[];
  readonly noted: readonly string[];
}

interface ListeningOptions {
  /** What a person types, in order. Default: nobody is there, and nothing may be asked. */
  readonly answers?: readonly string[] | undefined;
  /** Ends a command that goes on until it is ended. Default: nothing does. */
  readonly signal?: AbortSignal;
}

/** A terminal that keeps what is said to it. */
export function listening({
  answers,
  signal = new AbortController().signal,
}: ListeningOptions = {}): Listening {
  const written: string[] = [];
  const noted: string[] = [];
  const left = [...(answers ?? [])];
  let begun = '';
  const terminal: Terminal = {
    write: (line) => {
      written.push(begun + line);
      begun = '';
    },
    put: (piece) => void (begun += piece),
    note: (line) => void noted.push(line),
    paint: (_as, text) => text,
    screen: false,
    columns: 100,
    interactive: answers !== undefined,
    ask: async (question) => {
      const answer = left.shift();
      if (answer === undefined) throw new Error(`expected nothing to be asked, found '${question}'`);
      return answer;
    },
    clear: () => undefined,
    signal,
  };
  return { terminal, written, noted };
}

/** Runs one command to its end. */
export async function commandLine(
  args: readonly string[],
  answers?: readonly string[],
): Promise<{ readonly code: ExitCode; readonly out: string; readonly err: string }> {
  const { terminal, written, noted } = listening({ answers });
  const code = await run(args, terminal);
  return { code, out: written.join('\n'), err: noted.join('\n') };
}
