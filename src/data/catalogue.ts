/** A file of a data set as its authors publish it. */
export interface RemoteFile {
  readonly name: string;
  readonly md5: string;
  readonly bytes: number;
}

/** A data set that can be downloaded. */
export interface CatalogueEntry {
  readonly title: string;
  readonly licence: string;
  /** Folders of a data root that may hold it, the first being where `fetch` puts it; torchvision's layouts among them. */
  readonly folders: readonly [string, ...string[]];
  /** What is downloaded: the files themselves, or one archive that holds the folder's files. */
  readonly remote: readonly RemoteFile[];
  /** Addresses of the folders that the remote files lie in, tried in order. */
  readonly mirrors: readonly [string, ...string[]];
  /**
   * What the archive (.tar.gz or .zip) unpacks to: its folder, and files there with their sizes, null where only their
   * being there is asked for. Without it nothing is unpacked.
   */
  readonly archive?: { readonly folder: string; readonly files: Readonly<Record<string, number | null>> };
}

const idxFiles = (...files: readonly [md5: string, bytes: number][]): RemoteFile[] =>
  ['train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'].map((name, i) => ({
    name: `${name}-ubyte.gz`,
    md5: files[i][0],
    bytes: files[i][1],
  }));

const CIFAR_MIRRORS = ['https://www.cs.toronto.edu/~kriz/', 'https://cave.cs.toronto.edu/kriz/'] as const;
const CIFAR_LICENCE = 'none stated; research use with citation (Krizhevsky 2009)';

/** The data sets that `secateur data fetch` knows, with the checksums that their authors publish. */
export const CATALOGUE = {
  mnist: {
    title: 'MNIST: 60,000 + 10,000 handwritten digits, 28x28 grey',
    licence: 'commonly given as CC BY-SA 3.0',
    folders: ['MNIST/raw', 'mnist', 'MNIST'],
    remote: idxFiles(
      ['f68b3c2dcbeaaa9fbdd348bbdeb94873', 9_912_422],
      ['d53e105ee54ea40749a09fcbcd1e9432', 28_881],
      ['9fb629c4189551a2d022fa330f9573f3', 1_648_877],
      ['ec29112dd5afa0611ce80d1b7f02629c', 4_542],
    ),
    mirrors: ['https://ossci-datasets.s3.amazonaws.com/mnist/', 'https://storage.googleapis.com/cvdf-datasets/mnist/'],
  },
  'fashion-mnist': {
    title: 'Fashion-MNIST: 60,000 + 10,000 articles of clothing, 28x28 grey',
    licence: 'MIT',
    folders: ['FashionMNIST/raw', 'fashion-mnist', 'FashionMNIST'],
    remote: idxFiles(
      ['8d4fb7e6c68d591d4c3dfef9ec88bf0d', 26_421_880],
      ['25c81989df183df01b3e8a0aad5dffbe', 29_515],
      ['bef4ecab320f06d8554ea6380940ec79', 4_422_102],
      ['bb300cfdad3c16e7a12a480ee83cd310', 5_148],
    ),
    mirrors: [
      'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
      'https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/',
    ],
  },
  kmnist: {
    title: 'Kuzushiji-MNIST: 60,000 + 10,000 cursive Japanese characters of 10 classes, 28x28 grey',
    licence: 'CC BY-SA 4.0',
    folders: ['KMNIST/raw', 'kmnist', 'KMNIST'],
    remote: idxFiles(
      ['bdb82020997e1d708af4cf47b453dcf7', 18_165_135],
      ['e144d726b3acfaa3e44228e80efcd344', 29_497],
      ['5c965bf0a639b31b8f53240b1b52f4d7', 3_041_136],
      ['7320c461ea6c1c855c0b718fb2a4b134', 5_120],
    ),
    mirrors: ['http://codh.rois.ac.jp/kmnist/dataset/kmnist/'],
  },
  cifar10: {
    title: 'CIFAR-10: 50,000 + 10,000 photographs of 10 classes, 32x32 colour',
    licence: CIFAR_LICENCE,
    folders: ['cifar-10-batches-bin', 'cifar10'],
    remote: [{ name: 'cifar-10-binary.tar.gz', md5: 'c32a1d4ab5d03f1284b67883e8d87530', bytes: 170_052_171 }],
    mirrors: CIFAR_MIRRORS,
    archive: {
      folder: 'cifar-10-batches-bin',
      files: {
        'data_batch_1.bin': 30_730_000,
        'data_batch_2.bin': 30_730_000,
        'data_batch_3.bin': 30_730_000,
        'data_batch_4.bin': 30_730_000,
        'data_batch_5.bin': 30_730_000,
        'test_batch.bin': 30_730_000,
      },
    },
  },
  cifar100: {
    title: 'CIFAR-100: 50,000 + 10,000 photographs of 100 classes, 32x32 colour',
    licence: CIFAR_LICENCE,
    folders: ['cifar-100-binary', 'cifar100'],
    remote: [{ name: 'cifar-100-binary.tar.gz', md5: '03b5dce01913d631647c71ecec9e9cb8', bytes: 168_513_733 }],
    mirrors: CIFAR_MIRRORS,
    archive: {
      folder: 'cifar-100-binary',
      files: { 'train.bin': 153_700_000, 'test.bin': 30_740_000 },
    },
  },
  'tiny-imagenet': {
    title: 'Tiny ImageNet: 100,000 + 10,000 photographs of 200 classes, 64x64 colour',
    licence: 'none stated; research use as of ImageNet',
    folders: ['tiny-imagenet-200'],
    remote: [{ name: 'tiny-imagenet-200.zip', md5: '90528d7ca1a48142e341f4ef8d21d0de', bytes: 248_100_043 }],
    mirrors: ['http://cs231n.stanford.edu/'],
    archive: {
      folder: 'tiny-imagenet-200',
      files: { 'wnids.txt': null, 'words.txt': null, 'val/val_annotations.txt': null },
    },
  },
} as const satisfies Record<string, CatalogueEntry>;

export type RemoteDataset = keyof typeof CATALOGUE;
