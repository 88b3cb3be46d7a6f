"""`spanbert convert`: bundles and their heads, and files of annotations, into other formats."""
