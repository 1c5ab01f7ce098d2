// Reads every mart with @duckdb/node-api and prints it as JSON: node read_marts.mjs <file>
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// The packages lie where `make bi-env` puts them, not beside this script.
const require = createRequire(process.env.BI_NODE_HOME + '/');
const { DuckDBInstance, version } = await import(pathToFileURL(require.resolve('@duckdb/node-api')));

const instance = await DuckDBInstance.create(process.argv[2], { access_mode: 'READ_ONLY' });
const connection = await instance.connect();
const rows = async (query) => {
  const reader = await connection.runAndReadAll(query);
  return { columns: reader.columnNames(), rows: reader.getRowsJson() };
};

const relations = {};
const names = await rows(
  "select table_schema || '.' || table_name from information_schema.tables where table_schema in ('marts', 'quality')" +
    " order by all",
);
for (const [name] of names.rows) {
  relations[name] = await rows(`select * from ${name} order by all`);
}
const comments = await rows(
  "select schema_name || '.' || table_name || '.' || column_name, comment from duckdb_columns()" +
    " where schema_name in ('marts', 'quality')",
);
console.log(JSON.stringify({ version: version(), relations, comments: Object.fromEntries(comments.rows) }));
