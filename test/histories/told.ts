/** What recorded histories contain: replayed by code that tells what it decides. */
import type { Execution } from './recorded.js';
import { replayed, type Failed } from './replayed.js';

export interface Told {
  readonly failed: readonly Failed[];
  /** `Next['do']`, `Plan.about`, `Phase` and the kinds of answers, as often as they came. */
  readonly decisions: ReadonlySet<string>;
  readonly questions: ReadonlySet<string>;
  readonly phases: ReadonlySet<string>;
  readonly answers: ReadonlySet<string>;
}

type Kind = keyof Omit<Told, 'failed'>;

/** Expressions in the bundled code whose values are told. */
const TELLING: readonly (readonly [kind: Kind, expression: RegExp, what: string])[] = [
  ['decisions', /\(0,\w+\.decide\)\(\w+\)/, 'value.do'],
  ['questions', /(?<=\babout: )plan\.about/, 'value'],
  ['phases', /(?<=\bthe\.phase = )phase(?=;)/, 'value'],
  ['answers', /(?<=const \{ answer, close, abort \} = )the\.desk(?=;)/, "value.answer?.is ?? 'none'"],
];

/** @throws when the code has no such place: what is not told would be missed by nobody. */
function telling(code: string): string {
  return TELLING.reduce((bent, [kind, expression, what]) => {
    if (!expression.test(bent)) throw new Error(`the bundled code has no ${expression.source}: see told.ts`);
    const sinks = `__webpack_require__("./node_modules/@temporalio/workflow/lib/index.js").proxySinks()`;
    return bent.replace(
      expression,
      (value) => `((value) => { ${sinks}.told.${kind}(${what}); return value; })(${value})`,
    );
  }, code);
}

export async function told(code: string, executions: readonly Execution[]): Promise<Told> {
  const heard = {
    decisions: new Set<string>(),
    questions: new Set<string>(),
    phases: new Set<string>(),
    answers: new Set<string>(),
  };
  const sink = (into: Set<string>) => ({
    fn: (_: unknown, what: string) => void into.add(what),
    callDuringReplay: true,
  });
  const failed = await replayed(telling(code), executions, {
    told: {
      decisions: sink(heard.decisions),
      questions: sink(heard.questions),
      phases: sink(heard.phases),
      answers: sink(heard.answers),
    },
  });
  return { failed, ...heard };
}
