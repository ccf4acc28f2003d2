/** Statements about the health of a file. */

/** The indexes of the tables, by name. */
export const indexesOf =
  "select name from sqlite_schema where type = 'index' and name like 'owed\\_%' escape '\\'";
/** Pages of the file. */
export const pagesOf = "pragma page_count";
/** Pages that hold nothing. */
export const freePages = "pragma freelist_count";
/** Bytes of a page. */
export const pageSize = "pragma page_size";
