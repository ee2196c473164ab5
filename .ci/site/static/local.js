// A page opened from a folder may not fetch others, so the search shows no excerpts there; from a web server it does.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
