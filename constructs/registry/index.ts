export { NotebookImages, type NotebookImagesProps, type TeamImage } from './notebook-images.ts';
export { Registry, type RegistryProps } from './registry.ts';
