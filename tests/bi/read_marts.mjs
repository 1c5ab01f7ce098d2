// As read_marts.py, with @duckdb/node-api: node read_marts.mjs <file> <query of relations> <query of comments>
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

// The packages lie where `make bi-env` puts them, not beside this script.
const require = createRequire(process.env.BI_NODE_HOME + '/');
const { DuckDBInstance, version } = await import(pathToFileURL(require.resolve('@duckdb/node-api')));

const [file, ofRelations, ofComments] = process.argv.slice(2);
const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY' });
const connection = await instance.connect();
const rows = async (query) => {
  const reader = await connection.runAndReadAll(query);
  return [reader.columnNames(), reader.getRowsJson()];
};

const relations = {};
for (const [name] of (await rows(ofRelations))[1]) {
  relations[name] = await rows(`select * from ${name} order by all`);
}
const comments = Object.fromEntries((await rows(ofComments))[1]);
console.log(JSON.stringify({ version: version(), relations, comments }));
