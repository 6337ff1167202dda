import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import type { Terminal } from './terminal.js';

/** The terminal of this process. `NO_COLOR` and the kind of terminal are judged by Node (`hasColors`). */
export function processTerminal(signal: AbortSignal): Terminal {
  const { stdout, stderr, stdin } = process;
  const colours = stdout.isTTY && stdout.hasColors();
  return {
    write: (line) => void stdout.write(`${line}\n`),
    put: (piece) => void stdout.write(piece),
    note: (line) => void stderr.write(`${line}\n`),
    paint: (as, text) => (colours ? styleText(as, text) : text),
    screen: stdout.isTTY,
    columns: stdout.isTTY ? stdout.columns : 100,
    interactive: stdin.isTTY && stderr.isTTY,
    ask: async (question) => {
      const lines = createInterface({ input: stdin, output: stderr });
      try {
        return (await lines.question(question, { signal })).trim();
      } finally {
        lines.close();
      }
    },
    clear: () => void stdout.write('\u001b[2J\u001b[H'),
    signal,
  };
}
