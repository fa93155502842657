export { CATALOGUE, type CatalogueEntry, type RemoteDataset, type RemoteFile } from './catalogue.js';
export { DownloadError } from './download.js';
export { type FetchOptions, type FetchReport, fetchDataset } from './fetch.js';
export { DataNotFoundError, dataRoot, FILE_DATASETS, type OpenedDataset, openDataset } from './files.js';
