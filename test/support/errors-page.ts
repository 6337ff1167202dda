import { format } from 'prettier';
import { FAILURES, type FailureClass, type FailureCode } from '../../domain/failure.js';

const TITLES: Readonly<Record<FailureClass, string>> = {
  transient: 'Transient: the attempt fails, the same restore point is tried again',
  point: 'Of a restore point: the ladder may go on, by policy',
  recovery: 'Of the recovery: it stops and asks',
  people: 'Of people',
};

/** The page of the failure catalogue; `docs/errors.md` is exactly this. */
export async function errorsPage(): Promise<string> {
  const entries = Object.entries(FAILURES) as [FailureCode, (typeof FAILURES)[FailureCode]][];
  const section = (of: FailureClass) => {
    const rows = entries
      .filter(([, e]) => e.class === of)
      .map(([code, e]) => `| \`${code}\` | ${e.means} | ${e.holdfast} | ${e.person} |`);
    return [
      `## ${TITLES[of]}`,
      '',
      '| code | means | Holdfast | you |',
      '| --- | --- | --- | --- |',
      ...rows,
      '',
    ].join('\n');
  };
  const classes = Object.keys(TITLES) as FailureClass[];
  const page = [
    '# Failures',
    '',
    'Every failure has one of these codes, in the Temporal UI, in `holdfast status`, in logs.',
    '',
    ...classes.map(section),
  ];
  return format(page.join('\n'), { parser: 'markdown', singleQuote: true, printWidth: 110 });
}
