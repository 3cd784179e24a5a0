/**
 * The database on its caller's thread keeps the contract of every database.
 *
 * @module
 */
import { LocalDatabase } from "../../lib/store/local_database.ts";
import { databaseContract } from "../contracts/database_contract.ts";

databaseContract("a database on this thread", LocalDatabase.open);
