export { CATALOGUE, type CatalogueEntry, type RemoteDataset, type RemoteFile } from './catalogue.js';
export { DownloadError } from './download.js';
export { type FetchOptions, type FetchReport, fetchDataset } from './fetch.js';
export { countDataset, dataRoot, FILE_DATASETS, type OpenedDataset, type OpenOptions, openDataset } from './files.js';
export { type DecodedImage, decodeImage, type ImageOptions } from './image-file.js';
export { type FolderOptions, readImageFolder } from './image-folder.js';
export { DataNotFoundError, type DatasetCounts } from './layouts.js';
