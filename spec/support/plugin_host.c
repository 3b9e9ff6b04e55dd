/*
 * A program that loads and unloads a plugin, and then uses libcurl itself, forks and exits.
 *
 *     plugin_host BASE_URL TOKEN SCRIPT
 */
#include <curl/curl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    for (int round = 0; argc == 4 && round < 2; round++) {
        void *plugin = dlopen("./plugin.so", RTLD_NOW);
        if (plugin == NULL) {
            puts(dlerror());
            return 1;
        }
        int (*run)(const char *, const char *, const char *);
        void *symbol = dlsym(plugin, "plugin_run");
        memcpy(&run, &symbol, sizeof run);
        printf("ran: %d\n", run(argv[1], argv[2], argv[3]));
        dlclose(plugin);
        CURL *curl = curl_easy_init();
        char *text = curl_easy_escape(curl, "a b", 0);
        printf("own libcurl: %s\n", text);
        curl_free(text);
        curl_easy_cleanup(curl);
        fflush(stdout);
        int status = 1;
        pid_t child = fork();
        if (child == 0)
            return 0; /* runs its atexit handlers */
        waitpid(child, &status, 0);
        printf("child: %d\n", status);
    }
    return 0;
}
