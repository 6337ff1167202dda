import tseslint from 'typescript-eslint';

/**
 * The import table of docs/decisions.md ("who may import whom"), once, for the linter and for
 * test/architecture.test.ts. `rooms`: folders whose values may be imported; `types`: only their types;
 * `packages`: npm packages; `node`: whether Node's own modules may be used.
 */
export const rooms = {
  domain: { rooms: [], types: [], packages: [], node: false },
  formats: { rooms: ['domain'], types: [], packages: [], node: true },
  workflows: {
    rooms: ['domain'],
    types: ['activities'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
    node: false,
  },
  activities: {
    rooms: ['domain', 'formats', 'workflows/messages', 'adapters/ports'],
    types: ['config'],
    packages: ['@temporalio/activity', '@temporalio/common', '@temporalio/client', 'p-map'],
    node: true,
  },
  adapters: {
    rooms: ['domain', 'formats'],
    types: ['config'],
    packages: ['kafkajs', 'node-zookeeper-client', 'webhdfs', 'undici', 'p-map'],
    node: true,
  },
  client: {
    rooms: ['domain', 'workflows/messages'],
    types: ['config', 'workflows'],
    packages: ['@temporalio/client', '@temporalio/workflow', '@temporalio/common'],
    node: true,
  },
  config: { rooms: ['domain'], types: [], packages: ['yaml', 'zod'], node: true },
  intake: {
    rooms: ['domain', 'client', 'config'],
    types: [],
    packages: ['hono', '@hono/node-server', 'pino'],
    node: true,
  },
  worker: {
    rooms: ['domain', 'activities', 'adapters', 'config', 'client'],
    types: [],
    packages: [
      '@temporalio/worker',
      '@temporalio/client',
      '@temporalio/common',
      '@temporalio/activity',
      'pino',
    ],
    node: true,
  },
  cli: {
    rooms: [
      'domain',
      'formats',
      'activities',
      'adapters',
      'client',
      'config',
      'worker',
      'intake',
      'stack/temporal',
    ],
    types: [],
    packages: ['commander', 'cli-table3', 'p-map', '@temporalio/client'],
    node: true,
  },
  stack: { rooms: [], types: [], packages: ['kafkajs'], node: true },
  demo: {
    rooms: ['stack', 'client', 'config', 'domain'],
    types: [],
    packages: ['cli-table3', 'yaml'],
    node: true,
  },
  bench: {
    rooms: [
      'stack',
      'formats',
      'adapters',
      'activities',
      'domain',
      'client',
      'config',
      'worker',
      'workflows',
      // The world in memory: a benchmark needs the same instant outside as the tests.
      'test/support/cases',
    ],
    types: [],
    packages: ['@temporalio/client', '@temporalio/worker', '@temporalio/workflow'],
    node: true,
  },
};

/** Each data client has one importer: its adapter. The stack's generator and checker are test data, not the product. */
export const soleImporters = {
  kafkajs: ['adapters/kafka.ts', 'stack/events.ts'],
  'node-zookeeper-client': ['adapters/zookeeper.ts'],
  webhdfs: ['adapters/webhdfs.ts'],
  undici: ['adapters/flink-http.ts'],
};

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
const folders = (names) => `^(\\.\\./)+(${names.map(escape).join('|')})([/.]|$)`;

function importRules(room, { rooms: allowed, types, packages, node }) {
  const closed = Object.keys(rooms).filter(
    (other) => other !== room && !allowed.includes(other) && !types.includes(other),
  );
  const partly = closed.filter((other) => allowed.some((name) => name.startsWith(`${other}/`)));
  /** The folder, without those of its files that this room may import whole. */
  const exceptDoors = (other) => {
    const doors = allowed
      .filter((name) => name.startsWith(`${other}/`))
      .map((name) => escape(name.slice(other.length + 1)));
    return doors.length === 0
      ? folders([other])
      : `^(\\.\\./)+${escape(other)}/(?!(${doors.join('|')})\\.js$)`;
  };
  const patterns = [
    ...closed
      .filter((other) => !partly.includes(other))
      .map((other) => ({ regex: folders([other]), message: `${room}/ may not import ${other}/` })),
    ...partly.map((other) => {
      const doors = allowed
        .filter((name) => name.startsWith(`${other}/`))
        .map((name) => escape(name.slice(other.length + 1)));
      return {
        regex: `^(\\.\\./)+${other}/(?!(${doors.join('|')})\\.js$)`,
        message: `${room}/ may import only ${doors.join(', ')} of ${other}/`,
      };
    }),
    ...types
      .filter((other) => !allowed.includes(other))
      .map((other) => ({
        regex: exceptDoors(other),
        allowTypeImports: true,
        message: `${room}/ may import only types of ${other}/`,
      })),
    {
      regex: `^(?!\\.|node:|(${packages.map(escape).join('|') || '-'})(/|$))`,
      message: `${room}/ may import no package but: ${packages.join(', ') || 'none'}`,
    },
  ];
  if (!node)
    patterns.push({ regex: '^node:', message: `${room}/ runs in the workflow sandbox: no Node modules` });
  return {
    files: [`${room}/**/*.ts`],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
  };
}

const forbiddenCall = (name, why) => ({
  selector: `CallExpression[callee.property.name='${name}']`,
  message: why,
});

export default tseslint.config(
  {
    ignores: [
      'dist/**',
      '.cache/**',
      'node_modules/**',
      'coverage/**',
      'test/fixtures/**',
      'stack/job/**',
      'stack/reader/**',
    ],
  },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['*.js', 'stack/*.mjs'] },
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' },
      ],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/require-await': 'off',
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        forbiddenCall(
          'setOffsets',
          'setOffsets joins the group and may set only some partitions: use adapters/kafka.ts',
        ),
        forbiddenCall('resetOffsets', 'resetOffsets stores -1 or -2 as the offset: use adapters/kafka.ts'),
        { selector: "Property[key.name='resolveOffsets']", message: 'resolveOffsets writes' },
      ],
    },
  },
  ...Object.entries(rooms).map(([room, rule]) => importRules(room, rule)),
  {
    files: ['**/*.ts'],
    ignores: ['**/main.ts', 'test/**'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'exit', message: 'only */main.ts ends the process' },
        { object: 'process', property: 'env', message: 'only config/load.ts reads the environment' },
      ],
    },
  },
  {
    files: ['config/load.ts', 'stack/**/*.ts', 'demo/**/*.ts', 'bench/**/*.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: [
      'test/**/*.ts',
      'cli/**/*.ts',
      'demo/**/*.ts',
      'bench/**/*.ts',
      'stack/main.ts',
      'stack/setup.mjs',
    ],
    rules: { 'no-console': 'off' },
  },
  { files: ['**/*.js', '**/*.mjs'], extends: [tseslint.configs.disableTypeChecked] },
);
