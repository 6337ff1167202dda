/** Counters in Prometheus' text format. Labels are from closed lists: they never hold what a sender wrote. */
export interface Counters {
  add(name: CounterName, labels: Readonly<Record<string, string>>, by?: number): void;
  text(): string;
}

const HELP = {
  holdfast_intake_requests_total: 'Requests to the intake by sender and status.',
  holdfast_intake_alerts_total: 'Alerts by sender and outcome.',
} as const;
export type CounterName = keyof typeof HELP;

export function counters(): Counters {
  const values = new Map<string, number>();
  return {
    add: (name, labels, by = 1) => {
      const key = `${name}{${Object.entries(labels)
        .map(([label, value]) => `${label}="${value}"`)
        .join(',')}}`;
      values.set(key, (values.get(key) ?? 0) + by);
    },
    text: () =>
      (Object.keys(HELP) as CounterName[])
        .map((name) =>
          [
            `# HELP ${name} ${HELP[name]}`,
            `# TYPE ${name} counter`,
            ...[...values]
              .filter(([key]) => key.startsWith(`${name}{`))
              .map(([key, value]) => `${key} ${value}`),
          ].join('\n'),
        )
        .join('\n') + '\n',
  };
}
