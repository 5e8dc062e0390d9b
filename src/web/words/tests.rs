//! The files of sentences hold together: none missing, none unused, the same variables in all, no English left over.
