// The start: what is clicked and typed, and the first run.

byId("system").addEventListener("change", chooseRun);
byId("size").addEventListener("change", chooseRun);
byId("phrase-filter").addEventListener("input", () => fillPhrases(current()));
filters.forEach((id) => byId(id).addEventListener("input", () => fillList()));
document.addEventListener("keydown", pressed);
choices();
chooseRun();
