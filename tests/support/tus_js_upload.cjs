// Uploads a file with tus-js-client. Environment: FILE, ENDPOINT, TOKEN, SHA256, CHUNK, STOP_AT and
// UPLOAD_URL, both optional. Prints the address, and `finished` or `stopped`.
const fs = require("fs");
const tus = require("tus-js-client");

const { FILE, ENDPOINT, TOKEN, SHA256, CHUNK, STOP_AT, UPLOAD_URL } = process.env;
const upload = new tus.Upload(fs.createReadStream(FILE), {
  endpoint: ENDPOINT,
  uploadUrl: UPLOAD_URL || null,
  uploadSize: fs.statSync(FILE).size,
  chunkSize: Number(CHUNK) || Infinity,
  retryDelays: [0, 200, 500, 1000, 1000, 1000, 1000, 1000],
  headers: { Authorization: `Bearer ${TOKEN}` },
  metadata: { sha256: SHA256, filename: "page.tif" },
  onError: (error) => {
    console.log(`failed ${error.originalResponse ? error.originalResponse.getStatus() : error}`);
    process.exit(1);
  },
  onSuccess: () => console.log(`${upload.url}\nfinished`),
  onChunkComplete: (_, sent) => {
    if (STOP_AT && sent >= Number(STOP_AT)) {
      upload.abort().then(() => console.log(`${upload.url}\nstopped`));
    }
  },
});
upload.start();
