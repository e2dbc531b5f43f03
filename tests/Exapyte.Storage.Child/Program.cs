using Exapyte.Storage.Child;

return args is ["log", var folder] ? LogWriter.Run(folder) : 2;
